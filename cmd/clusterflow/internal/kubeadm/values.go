package kubeadm

import (
	"maps"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"

	"github.com/clusterflow/clusterflow/engine/diag"
)

// field takes over one field of a mapping, given its key and its value.
type field func(key, value *yaml.Node)

// fields are what a mapping may hold.
type fields map[string]field

// fields takes over a mapping. Null is as good as nothing.
func (r *reader) fields(n *yaml.Node, what string, known fields) {
	n = target(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must be a mapping.", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], target(n.Content[i+1])
		set, ok := known[key.Value]
		switch {
		case !ok:
			r.warn(key, "%s has no field %q.%s", what, key.Value, diag.DidYouMean(key.Value, slices.Sorted(maps.Keys(known))))
		case seen[key.Value]:
			r.fail(key, "The field %q is there twice.", key.Value)
		case !isNull(value):
			set(key, value)
		}
		seen[key.Value] = true
	}
}

// target follows an alias to what it stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// readFunc reads a value; ok is false after a problem. An element of a list may be
// [cty.NilVal], which leaves it out.
type readFunc func(n *yaml.Node) (v cty.Value, ok bool)

// into carries a field over into an attribute of that name.
func into(o object, name string, read readFunc) field {
	return func(_, value *yaml.Node) {
		if v, ok := read(value); ok {
			o[name] = v
		}
	}
}

// left warns that a field is not carried over.
func (r *reader) left(why string) field {
	return func(key, _ *yaml.Node) { r.warn(key, "%s", key.Value+": "+why) }
}

// leftUnless warns unless the field has a value that means nothing.
func (r *reader) leftUnless(harmless, why string) field {
	return func(key, value *yaml.Node) {
		if value.Value != harmless {
			r.warn(key, "%s", key.Value+": "+why)
		}
	}
}

// ignored is a field that was read before.
func ignored(_, _ *yaml.Node) {}

// since4 and until3 are for fields that only one of the versions has.
func (r *reader) since4(f field) field { return r.only(!r.old, "v1beta3", f) }
func (r *reader) until3(f field) field { return r.only(r.old, "v1beta4", f) }

func (r *reader) only(here bool, other string, f field) field {
	if here {
		return f
	}
	return func(key, _ *yaml.Node) { r.warn(key, "%s has no field %q.", other, key.Value) }
}

func (r *reader) text(n *yaml.Node) (cty.Value, bool) {
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!str" && n.Tag != "!!timestamp") {
		r.fail(n, "The value must be a string. Put it in quotes.")
		return cty.NilVal, false
	}
	return cty.StringVal(n.Value), true
}

func (r *reader) boolean(n *yaml.Node) (cty.Value, bool) {
	var b bool
	if n.Kind != yaml.ScalarNode || n.Decode(&b) != nil {
		r.fail(n, "The value must be true or false.")
		return cty.NilVal, false
	}
	return cty.BoolVal(b), true
}

func (r *reader) integer(n *yaml.Node) (cty.Value, bool) {
	var i int64
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(&i) != nil {
		r.fail(n, "The value must be a whole number.")
		return cty.NilVal, false
	}
	return cty.NumberIntVal(i), true
}

func (r *reader) duration(n *yaml.Node) (cty.Value, bool) {
	v, ok := r.text(n)
	if !ok {
		return v, false
	}
	if _, err := time.ParseDuration(v.AsString()); err != nil {
		r.fail(n, "The value must be a duration such as 24h0m0s.")
		return cty.NilVal, false
	}
	return v, true
}

// list reads a list whose elements are read by one.
func (r *reader) list(one readFunc) readFunc {
	return func(n *yaml.Node) (cty.Value, bool) {
		if n.Kind != yaml.SequenceNode {
			r.fail(n, "The value must be a list.")
			return cty.NilVal, false
		}
		items := []cty.Value{}
		for _, item := range n.Content {
			v, ok := one(target(item))
			if !ok {
				return cty.NilVal, false
			}
			if v != cty.NilVal {
				items = append(items, v)
			}
		}
		return cty.TupleVal(items), true
	}
}

// object reads a mapping with the fields that table gives, into a new object.
func (r *reader) object(what string, table func(o object) fields) readFunc {
	return func(n *yaml.Node) (cty.Value, bool) {
		o, before := object{}, len(r.diags)
		r.fields(n, what, table(o))
		return cty.ObjectVal(o), !r.diags[before:].HasErrors()
	}
}

// mapping reads a mapping with any keys.
func (r *reader) mapping(one readFunc) readFunc {
	return func(n *yaml.Node) (cty.Value, bool) {
		if n.Kind != yaml.MappingNode {
			r.fail(n, "The value must be a mapping.")
			return cty.NilVal, false
		}
		values := map[string]cty.Value{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			v, ok := one(target(n.Content[i+1]))
			if !ok {
				return cty.NilVal, false
			}
			if _, twice := values[key.Value]; twice {
				r.fail(key, "The key %q is there twice.", key.Value)
				return cty.NilVal, false
			}
			values[key.Value] = v
		}
		return cty.ObjectVal(values), true
	}
}
