package plan

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// planWidth is how many phases are planned at once for each CPU: planning mostly
// waits for plugins that read files.
const planWidth = 4

// Build plans a whole pipeline, in waves: phases with no path between them are
// planned at once. prior is what earlier runs recorded. Phases whose inputs are not known yet become [Later] steps. It
// goes on after an error and returns all of them, joined, by phase.
func (p *Planner) Build(ctx context.Context, prior *state.State) (*Plan, []error) {
	known := Outcomes{}
	out := &Plan{}
	var errs []error
	failed := map[string]bool{}
	for _, wave := range waves(p.Program) {
		steps := make([]Step, len(wave))
		failures := make([]error, len(wave))
		var group errgroup.Group
		group.SetLimit(planWidth * runtime.GOMAXPROCS(0))
		for i, n := range wave {
			if dependsOnAny(n, failed) {
				steps[i] = later(Step{Address: n.Address}, n, known, "a phase before it cannot be planned")
				continue
			}
			group.Go(func() error {
				steps[i], failures[i] = p.Step(ctx, n, Situation{
					Outcomes: known, Prior: prior.Nodes[n.Address], ID: sdk.Ident{Node: n.Address},
				})
				return nil
			})
		}
		_ = group.Wait() // the functions return no errors
		for i, step := range steps {
			if failures[i] != nil {
				errs = append(errs, failures[i])
				failed[step.Address] = true
			}
			if outcome, ok := step.outcome(); ok {
				known[step.Address] = outcome
			}
			out.Steps = append(out.Steps, step)
		}
	}
	return out, errs
}

// Outcomes is what the plan lets one know of each phase's outputs.
func (p *Plan) Outcomes() Outcomes {
	known := Outcomes{}
	for i := range p.Steps {
		if outcome, ok := p.Steps[i].outcome(); ok {
			known[p.Steps[i].Address] = outcome
		}
	}
	return known
}

// waves groups the phases by the length of the longest path to them.
func waves(program *expand.Program) [][]*expand.Node {
	var out [][]*expand.Node
	level := make([]int, program.Graph.Len())
	for _, i := range program.Graph.Order() {
		for _, need := range program.Graph.Needs(int(i)) {
			level[i] = max(level[i], level[need]+1)
		}
		if level[i] == len(out) {
			out = append(out, nil)
		}
		if n, ok := program.Node(program.Graph.Node(int(i)).ID); ok {
			out[level[i]] = append(out[level[i]], n)
		}
	}
	return out
}

func dependsOnAny(n *expand.Node, failed map[string]bool) bool {
	for _, e := range n.Edges {
		if failed[e.To] {
			return true
		}
	}
	return false
}
