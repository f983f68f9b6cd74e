package expand_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

// TestEdgesAreExact writes random pipelines of which it knows, for each reference,
// which phases are behind it, and compares.
func TestEdgesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &writer{t: t, known: map[string]*shape{}, needs: map[string][]string{}}
		size := rapid.IntRange(1, 8).Draw(t, "size")
		for i := range size {
			w.phase(i)
			w.value(i)
		}
		files := fstest.MapFS{
			"init.hcl":      {Data: []byte(w.text.String())},
			"pass/main.hcl": {Data: []byte("variable \"in\" {}\noutput \"out\" { value = var.in }\n")},
			"deep/main.hcl": {Data: []byte("variable \"in\" { type = any }\nlocals { in = { \"in\" = var.in } }\nmodule \"pass\" {\n  source = \"../pass\"\n  in     = local.in.in\n}\noutput \"out\" { value = module.pass.out }\n")},
		}
		p, diags := config.Load(files, "init.hcl")
		if diags.HasErrors() {
			t.Fatalf("load: %v\n%s", diags, w.text.String())
		}
		prog, diags := expand.Expand(p, nil, expandtest.New())
		if diags.HasErrors() {
			t.Fatalf("expand: %v: %s\n%s", diags, diags[0].Detail, w.text.String())
		}
		for _, n := range prog.Nodes {
			var got []string
			for _, e := range n.Edges {
				got = append(got, e.To)
			}
			if diff := cmp.Diff(w.needs[n.Address], got); diff != "" {
				t.Fatalf("edges of %s (-want +got):\n%s\n%s", n.Address, diff, w.text.String())
			}
		}
		checkProgram(t, prog)
	})
}

// shape is what the test knows of a value: a text of one phase, or an object.
type shape struct {
	phase string // address; empty for a constant
	items map[string]*shape
}

func (s *shape) phases() []string {
	all := map[string]bool{}
	s.collect(all)
	if len(all) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(all))
}

func (s *shape) collect(all map[string]bool) {
	if s.phase != "" {
		all[s.phase] = true
	}
	for _, item := range s.items {
		item.collect(all)
	}
}

// writer makes up a pipeline. names holds what can be referred to so far.
type writer struct {
	t     *rapid.T
	text  strings.Builder
	names []string
	known map[string]*shape
	needs map[string][]string
}

func (w *writer) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(w.t, label) }

func (w *writer) declare(name string, s *shape) {
	w.names = append(w.names, name)
	w.known[name] = s
}

// reference writes a reference to something known, cut off anywhere.
func (w *writer) reference() (string, *shape) {
	if len(w.names) == 0 {
		return `"constant"`, &shape{}
	}
	text := w.names[w.pick("name", len(w.names))]
	s := w.known[text]
	for len(s.items) > 0 && w.pick("deeper", 4) > 0 {
		keys := slices.Sorted(maps.Keys(s.items))
		key := keys[w.pick("key", len(keys))]
		switch w.pick("form", 3) {
		case 0:
			text = fmt.Sprintf("%s[%q]", text, key)
		case 1:
			text = fmt.Sprintf("(%s).%s", text, key)
		default:
			text += "." + key
		}
		s = s.items[key]
	}
	return text, s
}

// expression writes a reference, an object of references, or a loop over one.
func (w *writer) expression(depth int) (string, *shape) {
	switch kind := w.pick("kind", 4); {
	case kind == 0 && depth > 0:
		s := &shape{items: map[string]*shape{}}
		var parts []string
		for _, key := range []string{"a", "b", "c"}[:1+w.pick("keys", 3)] {
			text, item := w.expression(depth - 1)
			parts = append(parts, key+" = "+text)
			s.items[key] = item
		}
		return "{ " + strings.Join(parts, ", ") + " }", s
	case kind == 1:
		text, s := w.reference()
		if len(s.items) == 0 {
			return text, s
		}
		loop := &shape{items: map[string]*shape{}}
		for key, item := range s.items {
			loop.items[key] = &shape{items: map[string]*shape{"v": item, "k": {}}}
		}
		return fmt.Sprintf("{ for k, v in %s : k => { v = v, k = k } }", text), loop
	default:
		return w.reference()
	}
}

// value declares a local or a module that passes a value on.
func (w *writer) value(i int) {
	text, s := w.expression(2)
	switch w.pick("where", 3) {
	case 0:
		fmt.Fprintf(&w.text, "locals { v%d = %s }\n", i, text)
		w.declare(fmt.Sprintf("local.v%d", i), s)
	case 1:
		fmt.Fprintf(&w.text, "module \"m%d\" {\n  source = \"./pass\"\n  in = %s\n}\n", i, text)
		w.declare(fmt.Sprintf("module.m%d.out", i), s)
	default:
		fmt.Fprintf(&w.text, "module \"m%d\" {\n  source = \"./deep\"\n  for_each = toset([\"k\"])\n  in = %s\n}\n", i, text)
		w.declare(fmt.Sprintf("module.m%d[\"k\"].out", i), s)
	}
}

// phase declares a phase, with or without for_each, that reads one value.
func (w *writer) phase(i int) {
	text, s := w.expression(1)
	name := fmt.Sprintf("phase.p%d", i)
	outputs := func(address string) *shape {
		all := map[string]*shape{}
		for _, out := range []string{"text", "value", "ok", "list"} {
			all[out] = &shape{phase: address}
		}
		return &shape{items: all}
	}
	if w.pick("for_each", 2) == 0 {
		fmt.Fprintf(&w.text, "phase \"demo.echo\" \"p%d\" {\n  value = %s\n}\n", i, text)
		w.declare(name, outputs(name))
		w.needs[name] = s.phases()
		return
	}
	all := &shape{items: map[string]*shape{}}
	perKey := w.pick("each.value", 2) == 0
	value := "each.value"
	if !perKey {
		value = text
	}
	fmt.Fprintf(&w.text, "phase \"demo.echo\" \"p%d\" {\n  for_each = { x = %s, y = \"constant\" }\n  value = %s\n}\n", i, text, value)
	for _, key := range []string{"x", "y"} {
		address := fmt.Sprintf("%s[%q]", name, key)
		all.items[key] = outputs(address)
		w.needs[address] = s.phases()
		if perKey && key == "y" {
			w.needs[address] = nil
		}
	}
	w.declare(name, all)
}
