package expand

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
)

// reverse turns the edges between the phases of each undone module round: what
// uses a phase is undone before it. What comes from outside still comes first: a
// node needs it for itself, and for what it uses, as both may have to be looked at.
func reverse(nodes []*Node) {
	r := reversal{nodes: make(map[string]*Node, len(nodes)), needs: map[string]*edgeSet{}}
	for _, n := range nodes {
		if n.Undo {
			r.nodes[n.Address] = n
		}
	}
	all := make(map[string]*edgeSet, len(r.nodes))
	for _, n := range r.nodes {
		all[n.Address] = &edgeSet{}
	}
	for _, n := range nodes {
		if !n.Undo {
			continue
		}
		for _, e := range r.outer(n).list {
			all[n.Address].add(e)
		}
		for _, e := range n.Edges {
			if user := r.inner(n, e); user != nil {
				n.Uses = append(n.Uses, e.To)
				all[e.To].add(Edge{To: n.Address, Kind: Status, Ref: e.Ref, Range: e.Range})
			}
		}
	}
	for address, set := range all {
		r.nodes[address].Edges = set.sorted()
	}
}

// reversal is the state of [reverse].
type reversal struct {
	nodes map[string]*Node    // those to be undone
	needs map[string]*edgeSet // edges to the outside
}

// inner returns the node that an edge leads to if it is of the same undone module.
func (r *reversal) inner(n *Node, e Edge) *Node {
	to := r.nodes[e.To]
	if to == nil || to.phase.module.undoing != n.phase.module.undoing {
		return nil
	}
	return to
}

// outer collects the edges to the outside of a node and of all that it uses.
func (r *reversal) outer(n *Node) *edgeSet {
	if known := r.needs[n.Address]; known != nil {
		return known // in a circle it is not complete; the graph reports those
	}
	set := &edgeSet{}
	r.needs[n.Address] = set
	for _, e := range n.Edges {
		to := r.inner(n, e)
		if to == nil {
			set.add(e)
			continue
		}
		for _, further := range slices.Clone(r.outer(to).list) {
			set.add(further)
		}
	}
	return set
}

func undoInUndo(call *config.Call, outer *module) hcl.Diagnostics {
	return diag.Errorf(call.DefRange, "Undo inside of undo",
		"This module is part of %s, which is undone with all that is in it. Leave out one direction = \"undo\".", outer.address)
}

// undoneOutput reports who wants the output of a phase that is undone.
func undoneOutput(at hcl.Range, who string, to *phase) hcl.Diagnostics {
	return diag.Errorf(at, "Output of an undone phase",
		"%s needs an output of %s, but %s is undone, after which there are no outputs. To come after it write depends_on = [module.%s].",
		who, to.address, to.module.undoing.address, to.module.undoing.call.Name)
}

// outputDeps notes what an output of the pipeline reads, and reports one that
// undone phases would have to give.
func (b *builder) outputDeps(m *module, out *config.Output) {
	for _, d := range b.session.deps(m.scope, out.Value) {
		d.phase.read = true
		if d.kind == Data && d.phase.module.undoing != nil {
			b.report(undoneOutput(out.Value.Range(), "output."+out.Name, d.phase))
			return
		}
	}
}
