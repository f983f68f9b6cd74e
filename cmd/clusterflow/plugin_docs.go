package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/sdk"
)

// pluginDocs is the form of `clusterflow plugins docs --json`.
type pluginDocs struct {
	Plugins []pluginDoc `json:"plugins"`

	plugin, one bool // a plugin, and a type of it, were named
}

type pluginDoc struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Doc     string    `json:"doc,omitempty"`
	Types   []typeDoc `json:"types"`
}

type typeDoc struct {
	Name       string         `json:"name"` // pki.ca
	Doc        string         `json:"doc"`
	Example    string         `json:"example"`
	Arguments  []attributeDoc `json:"arguments"`
	Outputs    []attributeDoc `json:"outputs"`
	Pools      []string       `json:"pools,omitempty"`
	Access     []string       `json:"access,omitempty"`
	Repeatable bool           `json:"repeatable"`
}

type attributeDoc struct {
	Name      string          `json:"name"`
	Type      string          `json:"type"` // as in a variable block
	Doc       string          `json:"doc,omitempty"`
	Required  bool            `json:"required,omitempty"`
	Default   json.RawMessage `json:"default,omitempty"`
	Enum      []string        `json:"enum,omitempty"`
	Sensitive bool            `json:"sensitive,omitempty"`
	// Late outputs are known only after the phase was applied.
	Late bool `json:"late,omitempty"`
	// File says that the content of the file it names counts as input.
	File bool `json:"file,omitempty"`
}

func docOf(d sdk.Description) pluginDoc {
	out := pluginDoc{Name: d.Name, Version: d.Version, Doc: d.Doc, Types: []typeDoc{}}
	for _, t := range d.Types {
		typ := typeDoc{
			Name: d.Name + "." + t.Name, Doc: t.Doc, Example: t.Example, Pools: t.Pools, Repeatable: t.Repeatable,
			Arguments: attributeDocs(t.Config), Outputs: attributeDocs(t.Outputs),
		}
		for _, access := range t.Access {
			touched := fmt.Sprintf("%s %s", access.Kind, access.What)
			if !access.Write {
				touched += " (reads only)"
			}
			typ.Access = append(typ.Access, touched)
		}
		out.Types = append(out.Types, typ)
	}
	return out
}

// attributeDocs lists what must be set first.
func attributeDocs(attrs []sdk.Attribute) []attributeDoc {
	out := []attributeDoc{}
	for _, a := range attrs {
		d := attributeDoc{
			Name: a.Name, Type: typeexpr.TypeString(a.Type), Doc: a.Doc, Required: a.Required,
			Enum: a.Enum, Sensitive: a.Sensitive, Late: a.Late, File: a.FileContent,
		}
		if a.Default != cty.NilVal && !a.Default.IsNull() {
			d.Default, _ = ctyjson.Marshal(a.Default, a.Default.Type()) // it came as JSON
		}
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(x, y attributeDoc) int {
		switch {
		case x.Required == y.Required:
			return 0
		case x.Required:
			return -1
		default:
			return 1
		}
	})
	return out
}

// only keeps the type of that name.
func (d *pluginDocs) only(name string) error {
	p := &d.Plugins[0]
	var names []string
	for _, t := range p.Types {
		short := strings.TrimPrefix(t.Name, p.Name+".")
		if short == name {
			p.Types = []typeDoc{t}
			return nil
		}
		names = append(names, short)
	}
	return &usageError{fmt.Errorf("plugin %q has no phase type %q.%s %s", p.Name, name, diag.DidYouMean(name, names), diag.Names("types", names))}
}

func (d *pluginDocs) write(w io.Writer) error {
	var b strings.Builder
	for i, p := range d.Plugins {
		if d.one {
			p.Types[0].write(&b)
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		p.write(&b)
	}
	if !d.one {
		example := "PLUGIN.TYPE"
		if d.plugin {
			example = d.Plugins[0].Types[0].Name
		}
		fmt.Fprintf(&b, "\nAll about one of them: clusterflow plugins docs %s\n", example)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *pluginDoc) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s\n", p.Name, p.Version)
	if p.Doc != "" {
		fmt.Fprintf(b, "%s\n", wrapped(p.Doc, ""))
	}
	for _, t := range p.Types {
		fmt.Fprintf(b, "\n  %s\n%s\n", t.Name, wrapped(t.Doc, "    "))
	}
}

func (t *typeDoc) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s\n\n%s\n", t.Name, wrapped(t.Doc, "  "))
	fmt.Fprintf(b, "\nExample:\n\n  %s\n", strings.ReplaceAll(strings.TrimSpace(t.Example), "\n", "\n  "))
	writeAttributes(b, "Arguments", t.Arguments)
	writeAttributes(b, "Outputs", t.Outputs)
	if len(t.Access) > 0 {
		fmt.Fprintf(b, "\nTouches: %s\n", strings.Join(t.Access, ", "))
	}
	if len(t.Pools) > 0 {
		fmt.Fprintf(b, "\nTakes a slot of: %s\n", strings.Join(t.Pools, ", "))
	}
	if !t.Repeatable {
		b.WriteString("\nIt must not run twice: after an interruption it waits for --rerun.\n")
	}
}

func writeAttributes(b *strings.Builder, title string, attrs []attributeDoc) {
	if len(attrs) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, a := range attrs {
		fmt.Fprintf(b, "\n  %s  %s%s\n", a.Name, a.Type, a.notes())
		if a.Doc != "" {
			fmt.Fprintf(b, "%s\n", wrapped(a.Doc, "      "))
		}
		if len(a.Enum) > 0 {
			fmt.Fprintf(b, "      One of: %s.\n", strings.Join(a.Enum, ", "))
		}
	}
}

func (a *attributeDoc) notes() string {
	var notes []string
	for _, note := range []struct {
		holds bool
		text  string
	}{
		{a.Required, "required"},
		{a.Default != nil, "default " + string(a.Default)},
		{a.Sensitive, "sensitive"},
		{a.Late, "known after apply"},
		{a.File, "the file's content counts"},
	} {
		if note.holds {
			notes = append(notes, note.text)
		}
	}
	if len(notes) == 0 {
		return ""
	}
	return "  (" + strings.Join(notes, ", ") + ")"
}

// wrapped breaks text into lines of at most 100 columns.
func wrapped(text, indent string) string {
	const width = 100
	lines, line := []string{}, indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width && line != indent {
			lines, line = append(lines, line), indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
