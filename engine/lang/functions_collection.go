package lang

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// coalesceFunc returns the first argument that is neither null nor an empty
// string. Unlike the standard one it does not force its arguments into one type,
// so that the outputs of a skipped phase can be replaced by anything.
func coalesceFunc() function.Function {
	vals := anyParam("vals")
	vals.AllowMarked = false
	return function.New(&function.Spec{
		VarParam: &vals,
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := coalesce(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return coalesce(args) },
	})
}

func coalesce(args []cty.Value) (cty.Value, error) {
	for _, v := range args {
		switch {
		case !v.IsKnown():
			return cty.DynamicVal, nil
		case v.IsNull(), v.Type() == cty.String && v.AsString() == "":
			continue
		}
		return v, nil
	}
	return cty.DynamicVal, errors.New("no argument is set: all are null or empty")
}

// lengthFunc counts elements, attributes or characters.
func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType,
			AllowDynamicType: true, AllowUnknown: true, AllowMarked: true,
		}},
		Type: function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, marks := args[0].Unmark()
			switch t := v.Type(); {
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))).WithMarks(marks), nil
			case t == cty.DynamicPseudoType:
				return cty.UnknownVal(cty.Number).WithMarks(marks), nil
			case t == cty.String:
				n, err := stdlib.Strlen(v)
				return n.WithMarks(marks), err
			case t.IsTupleType(), t.IsCollectionType():
				return v.Length().WithMarks(marks), nil
			default:
				return cty.NilVal, function.NewArgErrorf(0, "a string, list, set, map or object is needed, not %s", t.FriendlyName())
			}
		},
	})
}

// lookupFunc returns the element of a map or object, or the default.
func lookupFunc() function.Function {
	fallback := anyParam("default")
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "map", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true},
			{Name: "key", Type: cty.String},
		},
		VarParam: &fallback,
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := lookup(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return lookup(args) },
	})
}

func lookup(args []cty.Value) (cty.Value, error) {
	m, marks := args[0].Unmark()
	key, keyMarks := args[1].Unmark()
	if len(args) > 3 {
		return cty.DynamicVal, function.NewArgErrorf(3, "only a map, a key and a default are taken")
	}
	known := key.IsKnown()
	switch t := m.Type(); {
	case t == cty.DynamicPseudoType, !known:
		return cty.DynamicVal.WithMarks(marks, keyMarks), nil
	case t.IsObjectType():
		if t.HasAttribute(key.AsString()) {
			return m.GetAttr(key.AsString()).WithMarks(marks, keyMarks), nil
		}
	case !t.IsMapType():
		return cty.DynamicVal, function.NewArgErrorf(0, "a map or object is needed, not %s", t.FriendlyName())
	case !m.IsKnown():
		return cty.DynamicVal.WithMarks(marks, keyMarks), nil
	case m.HasIndex(key).True():
		return m.Index(key).WithMarks(marks, keyMarks), nil
	}
	if len(args) < 3 {
		return cty.DynamicVal, function.NewArgErrorf(1, "there is no element with this key; give a default as third argument")
	}
	return args[2].WithMarks(marks, keyMarks), nil
}

// indexFunc returns the position of a value in a list.
func indexFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "list", Type: cty.DynamicPseudoType},
			{Name: "value", Type: cty.DynamicPseudoType},
		},
		Type: function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if t := args[0].Type(); !t.IsListType() && !t.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "a list is needed, not %s", t.FriendlyName())
			}
			for it := args[0].ElementIterator(); it.Next(); {
				at, v := it.Element()
				same, err := stdlib.Equal(v, args[1])
				if err != nil || !same.IsKnown() {
					return cty.UnknownVal(cty.Number), err
				}
				if same.True() {
					return at, nil
				}
			}
			return cty.NilVal, errors.New("the list has no such element")
		},
	})
}

// oneFunc turns a list of no or one element into null or that element.
func oneFunc() function.Function {
	pick := func(v cty.Value) (cty.Value, error) {
		t := v.Type()
		if !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
			return cty.DynamicVal, function.NewArgErrorf(0, "a list, set or tuple is needed, not %s", t.FriendlyName())
		}
		if !v.IsKnown() {
			return cty.DynamicVal, nil
		}
		switch v.LengthInt() {
		case 0:
			return cty.NullVal(cty.DynamicPseudoType), nil
		case 1:
			return v.AsValueSlice()[0], nil
		}
		return cty.DynamicVal, function.NewArgErrorf(0, "there are %d elements, want one or none", v.LengthInt())
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := pick(args[0])
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return pick(args[0]) },
	})
}

func listParam(elem cty.Type) function.Parameter {
	return function.Parameter{Name: "list", Type: cty.List(elem)}
}

func allTrueFunc() function.Function { return foldBools(cty.True, cty.Value.And) }
func anyTrueFunc() function.Function { return foldBools(cty.False, cty.Value.Or) }

func foldBools(start cty.Value, join func(a, b cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{listParam(cty.Bool)},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			out := start
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				if v.IsNull() {
					v = cty.False
				}
				out = join(out, v)
			}
			return out, nil
		},
	})
}

func sumFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{listParam(cty.Number)},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			out := cty.Zero
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				if v.IsNull() {
					return cty.NilVal, errors.New("an element is null")
				}
				out = out.Add(v)
			}
			return out, nil
		},
	})
}

// transposeFunc swaps the keys and the elements of a map of lists.
func transposeFunc() function.Function {
	typ := cty.Map(cty.List(cty.String))
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "map", Type: typ}},
		Type:   function.StaticReturnType(typ),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(typ), nil
			}
			out := map[string][]cty.Value{}
			for it := args[0].ElementIterator(); it.Next(); {
				k, list := it.Element()
				for _, v := range list.AsValueSlice() {
					if v.IsNull() {
						return cty.NilVal, fmt.Errorf("an element of %q is null", k.AsString())
					}
					out[v.AsString()] = append(out[v.AsString()], k)
				}
			}
			if len(out) == 0 {
				return cty.MapValEmpty(cty.List(cty.String)), nil
			}
			lists := make(map[string]cty.Value, len(out))
			for k, v := range out {
				lists[k] = cty.ListVal(v)
			}
			return convert.Convert(cty.MapVal(lists), typ)
		},
	})
}
