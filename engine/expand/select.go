package expand

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/selection"
)

// Select returns the program with only those phases that are wanted, and the
// addresses of the others. Outputs may mention phases that were left out: their
// values are then unknown. The error is a [selection.UnknownError].
func (p *Program) Select(wanted selection.Selection) (*Program, []string, error) {
	if wanted.All() {
		return p, nil, nil
	}
	var addresses []string
	needs := make(map[string][]string, len(p.Nodes))
	for _, n := range p.Nodes {
		addresses = append(addresses, n.Address)
		for _, e := range n.Edges {
			needs[n.Address] = append(needs[n.Address], e.To)
		}
	}
	picked, err := wanted.Pick(addresses, needs)
	if err != nil {
		return nil, nil, err
	}
	out := *p
	out.Nodes = nil
	var left []string
	for _, n := range p.Nodes {
		if !picked[n.Address] {
			left = append(left, n.Address)
			continue
		}
		out.Nodes = append(out.Nodes, n)
	}
	var diags hcl.Diagnostics
	out.Graph, diags = p.world.session(nil).graph(out.Nodes)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	return &out, left, nil
}
