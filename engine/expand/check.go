package expand

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
	"github.com/clusterflow/clusterflow/sdk"
)

// checkDeclarations compares the text of all modules with the schemas: also of
// modules of which there are no instances.
func (w *world) checkDeclarations() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, m := range w.pipeline.Modules {
		for _, decl := range m.Steps() {
			schema, err := w.schema(decl)
			if err != nil {
				diags = append(diags, schemaProblem(decl.TypeRange(), err)...)
				continue
			}
			diags = append(diags, checkArguments(decl, schema)...)
		}
		for _, e := range m.Exprs() {
			for i := range e.Refs {
				diags = append(diags, w.checkPhaseRef(m, &e.Refs[i])...)
			}
			diags = append(diags, w.pluginFunctions(e)...)
		}
	}
	return diags
}

// checkArguments compares a phase's arguments with its type: names, also inside
// of objects, and that nothing required is missing.
func checkArguments(decl *config.Phase, schema *sdk.TypeDescription) hcl.Diagnostics {
	var known []string
	for _, a := range schema.Config {
		known = append(known, a.Name)
	}
	similar := slices.Concat(known, config.PhaseArguments(), config.PhaseBlocks())
	meant := map[string]bool{} // arguments whose name was probably misspelt
	var diags hcl.Diagnostics
	for _, arg := range decl.Config {
		if slices.Contains(known, arg.Name) {
			continue
		}
		meant[diag.Suggest(arg.Name, similar)] = true
		diags = append(diags, diag.Errorf(arg.NameRange, "Unknown argument", "A %s.%s phase has no argument %q.%s %s",
			decl.Plugin, decl.Type, arg.Name, diag.DidYouMean(arg.Name, similar), diag.Names("arguments", known))...)
	}
	for _, a := range schema.Config {
		arg := decl.Config.Get(a.Name)
		switch {
		case arg == nil && a.Required && !meant[a.Name]:
			diags = append(diags, missingArgument(decl, a)...)
		case arg != nil:
			diags = append(diags, checkAttributes(arg, a)...)
		}
	}
	return diags
}

func checkAttributes(arg *config.Argument, a sdk.Attribute) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, stray := range lang.Strays(arg.Value.Expression, a.Type) {
		diags = append(diags, diag.Errorf(stray.Range, "Unknown attribute", "The argument %s has no attribute %q.%s %s",
			a.Name, stray.Name, diag.DidYouMean(stray.Name, stray.Known), diag.Names("attributes", stray.Known))...)
	}
	return diags
}

// checkPhaseRef checks the output, and whether a key is needed, in a reference to
// a phase or a finally block.
func (w *world) checkPhaseRef(m *config.Module, ref *lang.Reference) hcl.Diagnostics {
	if len(ref.Steps) < 2 {
		return nil
	}
	decl := m.Step(ref.Root, ref.Steps[0].Name)
	if decl == nil {
		return nil
	}
	schema, err := w.schema(decl)
	if err != nil {
		return nil // reported at the phase
	}
	step, diags := ref.Item(decl.Ref(), decl.ForEach != nil, outputNames(schema))
	if diags.HasErrors() || !step.Static() || ref.Guarded {
		return diags
	}
	return unknownOutput(decl, schema, key{name: step.Name, known: true, at: step.Range})
}
