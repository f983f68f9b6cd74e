package expand

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/clusterflow/clusterflow/engine/lang"
	"github.com/clusterflow/clusterflow/sdk"
)

// pluginFunctions makes the functions of plugins that an expression calls known.
func (w *world) pluginFunctions(e *lang.Expr) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, call := range e.Calls() {
		plugin, name, ok := call.Plugin()
		if _, known := w.functions[call.Name]; !ok || known {
			continue
		}
		f, err := w.schemas.Function(plugin, name)
		if err != nil {
			diags = append(diags, schemaProblem(call.Range, err)...)
			continue
		}
		w.functions[call.Name] = callable(f)
	}
	return diags
}

// callable makes a plugin's function one of the language: it is not called before
// its arguments are known, and its result is as sensitive as they are.
func callable(f sdk.Function) function.Function {
	spec := function.Spec{
		Description: f.Doc,
		Type:        function.StaticReturnType(f.Result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, a := range args {
				if !a.IsWhollyKnown() {
					return cty.UnknownVal(f.Result), nil
				}
			}
			v, err := f.Call(args)
			if err != nil {
				return cty.UnknownVal(f.Result), err
			}
			return v, checkResult(f.Result, v)
		},
	}
	for i, typ := range f.Params {
		spec.Params = append(spec.Params, function.Parameter{Name: fmt.Sprintf("argument %d", i+1), Type: typ})
	}
	return function.New(&spec)
}

func checkResult(want cty.Type, v cty.Value) error {
	switch {
	case v == cty.NilVal:
		return errors.New("the plugin returned no value")
	case v.ContainsMarked() || !v.IsWhollyKnown():
		return errors.New("the plugin returned a value that is not complete")
	case len(v.Type().TestConformance(want)) > 0:
		return fmt.Errorf("the plugin returned %s, its schema says %s", v.Type().FriendlyName(), want.FriendlyName())
	}
	return nil
}
