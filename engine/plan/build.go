package plan

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// planWidth is how many phases are planned at once for each CPU: planning mostly
// waits for plugins that read files.
const planWidth = 4

// Build plans a whole pipeline, in waves: phases with no path between them are
// planned at once. prior is what earlier runs recorded. Phases whose inputs are
// not known yet become [Later] steps. It goes on after a mistake; the error is
// hcl.Diagnostics with all of them, in an [*InvalidError] if the pipeline is at
// fault, or the cause of ctx when that ended first.
func (p *Planner) Build(ctx context.Context, prior *state.State) (*Plan, error) {
	b := builder{planner: p, prior: prior, known: Outcomes{}, failed: map[string]bool{}}
	for _, wave := range lastly(waves(p.Program)) {
		b.wave(ctx, wave)
		if ctx.Err() != nil {
			return &b.plan, context.Cause(ctx)
		}
	}
	switch {
	case b.invalid:
		return &b.plan, &InvalidError{diag.Tidy(b.problems)}
	case len(b.problems) > 0:
		return &b.plan, diag.Tidy(b.problems)
	}
	b.plan.Left, b.plan.Forget = b.left(), p.Forget
	if diags := b.conflicts(); diags.HasErrors() {
		return &b.plan, &InvalidError{diag.Tidy(diags)}
	}
	return &b.plan, nil
}

type builder struct {
	planner  *Planner
	prior    *state.State
	plan     Plan
	known    Outcomes
	failed   map[string]bool
	problems hcl.Diagnostics
	invalid  bool // one of the problems is an [InvalidError]
}

// wave plans phases that do not depend on each other.
func (b *builder) wave(ctx context.Context, nodes []*expand.Node) {
	steps := make([]*Step, len(nodes))
	failures := make([]error, len(nodes))
	todo := make([]int, 0, len(nodes))
	for i, n := range nodes {
		if dependsOnAny(n, b.failed) {
			b.failed[n.Address] = true
			step := later(stepOf(n), n, b.known, "a phase before it cannot be planned")
			steps[i] = &step
			continue
		}
		if n.Finally && b.idle() {
			step := stepOf(n)
			step.Action, step.Reason = Skip, "nothing else changes"
			steps[i] = &step
			continue
		}
		todo = append(todo, i)
	}
	each(todo, func(i int) {
		var step Step
		step, failures[i] = b.planner.Step(ctx, nodes[i], Situation{
			Outcomes: b.known, Prior: b.prior.Nodes[nodes[i].Address], ID: sdk.Ident{Node: nodes[i].Address},
		})
		step.pack()
		steps[i] = &step
	})
	for i, step := range steps {
		if failures[i] != nil {
			var wrong *InvalidError
			b.invalid = b.invalid || errors.As(failures[i], &wrong)
			b.problems = append(b.problems, diagnostics(nodes[i], failures[i])...)
			b.failed[step.Address] = true
		} else if outcome, ok := step.outcome(); ok && nodes[i].Read() {
			b.known[step.Address] = outcome
		}
		b.plan.Steps = append(b.plan.Steps, step)
	}
}

// each calls f for every index, in planWidth goroutines for each CPU.
func each(indexes []int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(planWidth*runtime.GOMAXPROCS(0), len(indexes)) {
		all.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= len(indexes) {
					return
				}
				f(indexes[k])
			}
		})
	}
	all.Wait()
}

// left lists the recorded phases that are not wanted any more, by address.
func (b *builder) left() []string {
	whole := b.planner.Whole
	if whole == nil {
		whole = b.planner.Program
	}
	skipped := map[string]bool{}
	for _, s := range b.plan.Steps {
		skipped[s.Address] = s.Action == Skip
	}
	return slices.DeleteFunc(b.prior.Addresses(), func(address string) bool {
		n, declared := whole.Node(address)
		return declared && (n.Finally || !skipped[address])
	})
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
