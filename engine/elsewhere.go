package engine

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
)

// elsewhere reports the phases that cannot run on this system, those of one plugin
// at the first of them.
func (p *Pipeline) elsewhere() hcl.Diagnostics {
	phases := map[string]int{}
	for _, n := range p.Program.Nodes {
		phases[n.Plugin]++
	}
	var diags hcl.Diagnostics
	for _, n := range p.Program.Nodes {
		err := p.plugins.elsewhere(n.Plugin)
		count := phases[n.Plugin]
		if err == nil || count == 0 {
			continue
		}
		phases[n.Plugin] = 0
		others := ""
		if count > 1 {
			others = fmt.Sprintf(" and %d more", count-1)
		}
		for _, d := range diag.FromError(err) {
			diags = append(diags, diag.Errorf(n.DefRange(), "Phase needs Linux", "%s (%s.%s)%s cannot run here: %s. %s",
				n.Address, n.Plugin, n.Type, others, d.Summary, d.Detail)...)
		}
	}
	return diag.Tidy(diags)
}
