package expand

import "github.com/zclconf/go-cty/cty"

// tree collects values by path. A value hides those below it.
type tree struct {
	value    cty.Value
	set      bool
	children map[string]*tree
}

func (t *tree) put(path []string, v cty.Value) {
	for _, name := range path {
		if t.set {
			return
		}
		if t.children == nil {
			t.children = map[string]*tree{}
		}
		next := t.children[name]
		if next == nil {
			next = &tree{}
			t.children[name] = next
		}
		t = next
	}
	if !t.set {
		t.value, t.set, t.children = v, true, nil
	}
}

func (t *tree) build() cty.Value {
	if t.set {
		return t.value
	}
	return cty.ObjectVal(t.variables())
}

func (t *tree) variables() map[string]cty.Value {
	vars := make(map[string]cty.Value, len(t.children))
	for name, child := range t.children {
		vars[name] = child.build()
	}
	return vars
}
