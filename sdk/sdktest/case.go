package sdktest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Case is one phase to check.
type Case struct {
	// Name of the subtest. Empty means Type.
	Name string
	// Type is the phase type. Required.
	Type string
	// Config gives the arguments of the phase, which is to work in dir, a new
	// directory of its own. Values may be strings, booleans, numbers,
	// durations, cty values, and slices, string maps and structs with cf tags of
	// these. Arguments that are left out get their defaults. Required if the type
	// has required arguments. It is called several times, each time for another dir.
	Config func(dir string) map[string]any
	// Setup makes what the phase needs to find, before its first plan. Optional.
	Setup func(dir string) error
	// Observe describes what the phase changes outside of dir, in any form that is
	// equal when the host is. Optional.
	Observe func(dir string) (string, error)
	// Secrets must not be in what is stored or shown. Put them into Config.
	Secrets []string
	// SecretFiles are files under dir, made by the phase, whose long lines must not
	// be in what is stored or shown.
	SecretFiles []string
	// OnlyLooks says that the type finds something out and changes nothing: its plans
	// are empty, and nothing is left to undo. Setup makes what it finds.
	OnlyLooks bool
	// Timeout bounds every call. Zero means one minute.
	Timeout time.Duration

	// What a type cannot do is switched off by giving the reason, which is shown.

	// SkipUnchanged is why a second plan is not empty.
	SkipUnchanged string
	// SkipUndo is why undo leaves something behind.
	SkipUndo string
	// SkipUndoFromRecord is why undo needs the config.
	SkipUndoFromRecord string
	// SkipUndoWithoutRecord is why undo needs the record.
	SkipUndoWithoutRecord string
	// SkipCancel is why the phase must not be interrupted.
	SkipCancel string
	// SkipKill is why the phase must not be killed.
	SkipKill string
}

func (c Case) name() string { return cmp.Or(c.Name, c.Type) }

// config makes the config as the engine does: every argument converted, defaults
// applied.
func (c Case) config(typ sdk.TypeDescription, dir string) (cty.Value, error) {
	given := map[string]any{}
	if c.Config != nil {
		given = c.Config(dir)
	}
	values := map[string]cty.Value{}
	for _, a := range typ.Config {
		v := cty.NullVal(cty.DynamicPseudoType)
		if x, ok := given[a.Name]; ok && x != nil {
			v = value(x)
		}
		converted, err := a.Convert(v)
		if err != nil {
			return cty.NilVal, fmt.Errorf("argument %q: %w", a.Name, err)
		}
		values[a.Name] = converted
	}
	for name := range given {
		if !slices.ContainsFunc(typ.Config, func(a sdk.Attribute) bool { return a.Name == name }) {
			return cty.NilVal, fmt.Errorf("argument %q: type %q has none of that name", name, typ.Name)
		}
	}
	return cty.ObjectVal(values), nil
}

// value turns Go data into a value. Lists and maps of any may mix types, which
// become tuples and objects until the schema converts them.
func value(x any) cty.Value {
	switch x := x.(type) {
	case []any:
		items := make([]cty.Value, len(x))
		for i := range x {
			items[i] = value(x[i])
		}
		return cty.TupleVal(items)
	case map[string]any:
		items := make(map[string]cty.Value, len(x))
		for k := range x {
			items[k] = value(x[k])
		}
		return cty.ObjectVal(items)
	case nil:
		return cty.NullVal(cty.DynamicPseudoType)
	default:
		return sdk.Encode(x)
	}
}
