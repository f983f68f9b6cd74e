package kubeadm

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// write makes the file of variables. What takes several lines stands by itself.
func (r *reader) write(file string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Variables of init.hcl, from %s. Written by clusterflow import.\n", printable(file))
	apart := true
	for _, name := range r.ordered() {
		text := render(r.vars[name])
		long := strings.Contains(text, "\n")
		if long || apart {
			out.WriteByte('\n')
		}
		apart = long
		fmt.Fprintf(&out, "%s = %s\n", name, text)
	}
	for _, t := range r.texts {
		fmt.Fprintf(&out, "\n%s = %s\n", t.name, heredoc(t.text))
	}
	return hclwrite.Format(out.Bytes())
}

// render writes a value: an object and a list of objects have a line for each of
// their parts, all others one line.
func render(v cty.Value) string {
	var b strings.Builder
	switch {
	case v.Type().IsObjectType() && v.LengthInt() > 0:
		b.WriteString("{\n")
		for _, name := range attributes(v) {
			fmt.Fprintf(&b, "%s = %s\n", identifier(name), render(v.GetAttr(name)))
		}
		b.WriteString("}")
	case v.Type().IsTupleType() && v.LengthInt() > 0 && v.Type().TupleElementType(0).IsObjectType():
		b.WriteString("[\n")
		for _, item := range v.AsValueSlice() {
			fmt.Fprintf(&b, "%s,\n", inline(item))
		}
		b.WriteString("]")
	default:
		return string(hclwrite.TokensForValue(v).Bytes())
	}
	return b.String()
}

// inline writes an object in one line.
func inline(v cty.Value) string {
	if v.LengthInt() == 0 {
		return "{}"
	}
	var parts []string
	for _, name := range attributes(v) {
		parts = append(parts, identifier(name)+" = "+render(v.GetAttr(name)))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func attributes(v cty.Value) []string {
	return slices.SortedFunc(maps.Keys(v.Type().AttributeTypes()), func(a, b string) int {
		if a == "name" || b == "name" { // comes first
			return strings.Compare(strings.TrimPrefix(a, "name"), strings.TrimPrefix(b, "name"))
		}
		return strings.Compare(a, b)
	})
}

// identifier quotes a name that HCL would not take for one.
func identifier(name string) string {
	if hclsyntax.ValidIdentifier(name) {
		return name
	}
	return string(hclwrite.TokensForValue(cty.StringVal(name)).Bytes())
}

// heredoc writes a text as it is, unless it has characters that HCL takes only in
// quotes.
func heredoc(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }) {
		return render(cty.StringVal(text))
	}
	word := delimiter(text)
	return "<<" + word + "\n" + escape(text) + word
}

// delimiter is a word that no line of the text has to itself.
func delimiter(text string) string {
	lines := strings.Split(text, "\n")
	word := "YAML"
	for slices.ContainsFunc(lines, func(line string) bool { return strings.TrimSpace(line) == word }) {
		word += "_"
	}
	return word
}

// escape keeps HCL from reading templates in a text.
func escape(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text)
}

// printable drops what would end a comment.
func printable(name string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, name)
}
