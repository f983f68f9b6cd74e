package run

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// outcome is what the phases after a phase may see of it. It lives in memory
// only, for it may hold secrets.
type outcome struct {
	outputs cty.Value
	secrets []string
}

// Apply brings every phase of a program to what its config wants, and returns
// when all that it started has ended. When ctx ends it starts nothing more and
// asks the running phases to stop. The outcomes hold outputs for the program's
// own outputs; they may be secret. The error says that the state could not be
// stored; what happened to phases is in the result.
func Apply(ctx context.Context, planner *plan.Planner, opts Options) (Result, plan.Outcomes, error) {
	opts = opts.withDefaults()
	nodes := planner.Program.Nodes
	outcomes := plan.Outcomes{}
	l := newLoop(event.OperationApply, opts, applySpec(planner.Program, opts))
	l.acted = opts.Store.State().Run.Interrupted() // a killed run had no finally phases
	l.newWorker = func(id int) worker {
		if nodes[id].Finally && !l.acted {
			return idler{nodes[id]}
		}
		return &applier{
			node: nodes[id], planner: planner, opts: opts,
			outcomes: visible(nodes[id], outcomes), prior: l.prior(id),
		}
	}
	l.ended = func(id int, status event.Status, e *ending) {
		if nodes[id].Read() {
			outcomes[nodes[id].Address] = finalOutcome(status, e)
		}
	}
	began := l.begin()
	l.run(ctx)
	return l.end(ctx, began), outcomes, l.journal.broken
}

// begin reports that the run begins, and returns when.
func (l *loop) begin() time.Time {
	started := event.RunStarted{
		Operation: l.op, Pipeline: l.opts.Pipeline, Engine: l.opts.Engine,
		Nodes: len(l.spec.Nodes), Slots: l.opts.Parallelism,
	}
	if before := l.opts.Store.State().Run; before.Interrupted() {
		started.Resumes = before.ID
	}
	l.emit(started)
	return l.opts.Clock()
}

// end stores and reports how the run ended.
func (l *loop) end(ctx context.Context, began time.Time) Result {
	result := Result{Counts: maps.Clone(l.counts), Status: l.status(ctx), Rebooting: l.rebooting}
	err := l.endRecord(state.RunEnd{Status: result.Status, Counts: result.Counts, Time: l.opts.Clock().UTC()})
	if err != nil && l.journal.broken == nil {
		l.journal.broken, result.Status = &StateError{Err: err}, event.RunFailed
	}
	l.emit(event.RunEnded{
		Status: result.Status, Counts: result.Counts, Problem: plan.Problem(l.journal.broken),
		Duration: event.Duration(l.opts.Clock().Sub(began)),
	})
	return result
}

// endRecord stores the end, except of a run that the next one goes on with.
func (l *loop) endRecord(r state.RunEnd) error {
	if l.rebooting {
		return nil
	}
	return l.journal.end(r)
}

// status sums up a run. One that was interrupted when all was done is done.
func (l *loop) status(ctx context.Context) event.RunStatus {
	good := l.counts[event.Succeeded] + l.counts[event.Unchanged] + l.counts[event.Skipped]
	all := 0
	for _, n := range l.counts {
		all += n
	}
	switch {
	case good < all && errors.Is(context.Cause(ctx), ErrInterrupted):
		return event.RunInterrupted
	case l.journal.broken != nil:
		return event.RunFailed
	case l.op == event.OperationUndo && good < all:
		return event.RunDegraded // something is left over
	case l.failures+l.counts[event.Blocked]+l.counts[event.Cancelled] > 0:
		return event.RunFailed
	case good < all: // the rest may fail
		return event.RunDegraded
	}
	return event.RunSucceeded
}

func finalOutcome(status event.Status, e *ending) expand.Outcome {
	out := expand.Outcome{Status: string(status)}
	if e != nil {
		out.Outputs = e.outcome.outputs
		if e.body.Problem != nil {
			out.Error = e.body.Problem.Message
		}
	}
	return out
}

// visible copies the outcomes that a phase may look at, so that its worker
// shares nothing with the loop.
func visible(n *expand.Node, all plan.Outcomes) plan.Outcomes {
	out := make(plan.Outcomes, len(n.Edges))
	for _, e := range n.Edges {
		if o, ok := all[e.To]; ok {
			out[e.To] = o
		}
	}
	return out
}

func applySpec(program *expand.Program, opts Options) Spec {
	index := make(map[string]int32, len(program.Nodes))
	for i, n := range program.Nodes {
		index[n.Address] = int32(i)
	}
	spec := Spec{
		Pools: program.Pools, Slots: opts.Parallelism, FailFast: opts.FailFast,
		Nodes: make([]NodeSpec, len(program.Nodes)), Edges: make([][]Edge, len(program.Nodes)),
	}
	for i, n := range program.Nodes {
		spec.Nodes[i] = NodeSpec{Name: n.Address, Pools: n.Pools, Continue: n.OnError == expand.Continue, Finally: n.Finally}
		if prior := opts.Store.State().Nodes[n.Address]; prior != nil {
			spec.Nodes[i].Weight = prior.Took.Seconds()
		}
		for _, e := range n.Edges {
			spec.Edges[i] = append(spec.Edges[i], Edge{To: index[e.To], Kind: edgeKind(e.Kind)})
		}
	}
	return spec
}

func edgeKind(k expand.EdgeKind) EdgeKind {
	switch k {
	case expand.Order:
		return EdgeOrder
	case expand.Status:
		return EdgeStatus
	default:
		return EdgeData
	}
}
