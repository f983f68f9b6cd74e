package lang

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

type mark string

// sensitive is the only mark there is. It stands for secret and for ephemeral
// values alike: both must not be stored or shown.
const sensitive = mark("sensitive")

// MarkSensitive returns v as a secret.
func MarkSensitive(v cty.Value) cty.Value { return v.Mark(sensitive) }

// HasSensitive reports whether v or a part of it is secret.
func HasSensitive(v cty.Value) bool { return v != cty.NilVal && v.ContainsMarked() }

func sensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("value")},
		Type:   typeOfFirst,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return args[0].Mark(sensitive), nil
		},
	})
}

func nonsensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("value")},
		Type:   typeOfFirst,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			plain, _ := args[0].Unmark()
			return plain, nil
		},
	})
}

func issensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("value")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(args[0].IsMarked()), nil
		},
	})
}

// anyParam accepts every value as it is: null, unknown, of any type, secret.
func anyParam(name string) function.Parameter {
	return function.Parameter{
		Name: name, Type: cty.DynamicPseudoType,
		AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true,
	}
}

func typeOfFirst(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil }
