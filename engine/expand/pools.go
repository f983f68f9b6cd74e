package expand

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
)

// pools collects what is declared and what is used. Names of pools are those of
// the whole pipeline, as the resources that they stand for are shared by all.
type pools struct {
	declared map[string]*config.Pool
	builtin  map[string]bool // taken by a phase type
	used     map[string]int
	wanted   []*Node // nodes whose block names a pool
	diags    hcl.Diagnostics
}

func newPools() *pools {
	return &pools{declared: map[string]*config.Pool{}, builtin: map[string]bool{}, used: map[string]int{}}
}

// declare takes the pools of all modules. The root has the last word; modules
// that differ from each other are an error.
func (p *pools) declare(pipeline *config.Pipeline) {
	for i, m := range pipeline.Modules {
		for _, name := range names(m.Pools) {
			pool, old := m.Pools[name], p.declared[name]
			switch {
			case old == nil:
				p.declared[name] = pool
			case old.Slots != pool.Slots && pipeline.Root.Pools[name] == nil && i > 0:
				p.diags = append(p.diags, diag.Errorf(pool.DefRange, "Pool declared differently",
					"Pool %q has %d slots here and %d at %s:%d. Pools are shared by all modules: declare it in the root file, which has the last word.",
					name, pool.Slots, old.Slots, old.DefRange.Filename, old.DefRange.Start.Line)...)
			}
		}
	}
}

// use notes the pools of a node.
func (p *pools) use(n *Node) {
	for _, name := range n.Schema.Pools {
		p.builtin[name] = true
	}
	if n.phase.decl.Pool != nil {
		p.wanted = append(p.wanted, n)
	}
	for _, name := range n.Pools {
		p.used[name] = 1
		if pool := p.declared[name]; pool != nil {
			p.used[name] = pool.Slots
		}
	}
}

// check reports pools that nobody declares.
func (p *pools) check() hcl.Diagnostics {
	known := append(names(p.declared), names(p.builtin)...)
	diags := p.diags
	for _, n := range p.wanted {
		for _, name := range n.Pools {
			if !slices.Contains(known, name) {
				hint := diag.DidYouMean(name, known)
				if hint == "" {
					hint = fmt.Sprintf(" Declare it in the root file:\n\n  pool %q {\n    slots = 4\n  }", name)
				}
				diags = append(diags, diag.Errorf(n.phase.decl.Pool.Range(), "Unknown pool", "There is no pool %q.%s", name, hint)...)
			}
		}
	}
	return diags
}
