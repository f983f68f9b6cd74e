package lang

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// conversions returns the functions that convert to a type. Tuples and objects
// whose elements are of one type, which most are, become collections directly: the
// general way compares each element's type with every other's.
func conversions() map[string]function.Function {
	of := cty.DynamicPseudoType
	return map[string]function.Function{
		"tobool":   stdlib.MakeToFunc(cty.Bool),
		"tonumber": stdlib.MakeToFunc(cty.Number),
		"tostring": stdlib.MakeToFunc(cty.String),
		"tolist":   collectFunc(cty.List(of), listOf),
		"toset":    collectFunc(cty.Set(of), setOf),
		"tomap":    collectFunc(cty.Map(of), mapOf),
	}
}

// collectFunc tries a direct way first, then the general one.
func collectFunc(typ cty.Type, direct func(cty.Value) (cty.Value, bool)) function.Function {
	general := stdlib.MakeToFunc(typ)
	convert := func(args []cty.Value) (cty.Value, error) {
		v, marks := args[0].Unmark()
		if v.IsKnown() && !v.IsNull() {
			if out, ok := direct(v); ok {
				return out.WithMarks(marks), nil
			}
		}
		return general.Call(args)
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("v")},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := convert(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return convert(args) },
	})
}

func listOf(v cty.Value) (cty.Value, bool) {
	if !v.Type().IsTupleType() || !uniform(slices.Values(v.Type().TupleElementTypes())) {
		return cty.NilVal, false
	}
	return cty.ListVal(v.AsValueSlice()), true
}

func setOf(v cty.Value) (cty.Value, bool) {
	if !v.Type().IsTupleType() || !uniform(slices.Values(v.Type().TupleElementTypes())) {
		return cty.NilVal, false
	}
	return cty.SetVal(v.AsValueSlice()), true
}

func mapOf(v cty.Value) (cty.Value, bool) {
	if !v.Type().IsObjectType() || !uniform(maps.Values(v.Type().AttributeTypes())) {
		return cty.NilVal, false
	}
	return cty.MapVal(v.AsValueMap()), true
}

// uniform reports whether there are types and all are the same simple one.
func uniform(types func(yield func(cty.Type) bool)) bool {
	first := cty.NilType
	for t := range types {
		if first == cty.NilType {
			first = t
		}
		if !t.IsPrimitiveType() || !t.Equals(first) {
			return false
		}
	}
	return first != cty.NilType
}
