package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
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
// own outputs; they may be secret.
func Apply(ctx context.Context, planner *plan.Planner, opts Options) (Result, plan.Outcomes, error) {
	opts = opts.withDefaults()
	nodes := planner.Program.Nodes
	outcomes := make(plan.Outcomes, len(nodes))
	started := opts.Clock()
	l := newLoop(opts, applySpec(planner.Program, opts))
	l.newWorker = func(id int) worker {
		return &applier{
			node: nodes[id], planner: planner, opts: opts,
			outcomes: visible(nodes[id], outcomes), prior: l.prior(id),
		}
	}
	l.ended = func(id int, status event.Status, e *ending) {
		outcomes[nodes[id].Address] = finalOutcome(status, e)
	}
	if err := l.begin(event.OperationApply); err != nil {
		return Result{Status: event.RunFailed}, nil, err
	}
	l.run(ctx)
	return l.end(started, errors.Is(context.Cause(ctx), ErrInterrupted)), outcomes, l.broken
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
	spec := Spec{Pools: program.Pools, Slots: opts.Parallelism, FailFast: opts.FailFast}
	for _, n := range program.Nodes {
		ns := NodeSpec{Name: n.Address, Pools: n.Pools, Continue: n.OnError == expand.Continue}
		if prior := opts.Store.State().Nodes[n.Address]; prior != nil {
			ns.Weight = prior.Took.Seconds()
		}
		var edges []Edge
		for _, e := range n.Edges {
			edges = append(edges, Edge{To: index[e.To], Kind: edgeKind(e.Kind)})
		}
		spec.Nodes = append(spec.Nodes, ns)
		spec.Edges = append(spec.Edges, edges)
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

// applier is the worker of one phase in an apply.
type applier struct {
	node     *expand.Node
	planner  *plan.Planner
	opts     Options
	outcomes plan.Outcomes
	prior    *state.Node // what is recorded, after the worker's own last message

	began   time.Time
	attempt int
	done    int // changes made
}

var _ worker = (*applier)(nil)

func (a *applier) run(ctx context.Context, box *mailbox) ending {
	a.began = a.opts.Clock()
	retries := newRetries(a.node.Retry)
	isolated := a.node.Isolation == expand.ProcessOfItsOwn
	for {
		a.attempt++
		end, status := a.try(ctx, box, isolated)
		end.body.Duration = event.Duration(a.opts.Clock().Sub(a.began))
		delay, again := retries.next(status, ctx.Err() != nil)
		if !again {
			return end
		}
		isolated = isolated || status == attemptCrashed
		box.tell(message{
			records: end.records, pause: true,
			events: []event.Body{event.NodeRetrying{
				Node: a.node.Address, Attempt: a.attempt, Attempts: retries.attempts,
				Reason: end.body.Problem.Message, Delay: event.Duration(delay),
			}},
		})
		if !a.wait(ctx, delay) {
			return a.cancelled(end)
		}
		slot := make(chan bool, 1)
		a.prior = box.tell(message{resume: true, slot: slot}).prior
		if !<-slot {
			return a.cancelled(end)
		}
	}
}

// wait pauses between attempts; false means that ctx ended first.
func (a *applier) wait(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// cancelled is the end of a phase that was stopped while it waited for its next
// attempt: the failure of the last one stays its problem.
func (a *applier) cancelled(last ending) ending {
	last.body.Status = event.Cancelled
	last.records = nil // stored when the wait began
	return last
}

// try plans the phase and, if there is anything to do, applies it once.
func (a *applier) try(ctx context.Context, box *mailbox, isolated bool) (ending, attemptStatus) {
	if a.node.Timeout > 0 {
		limit := &TimeoutError{After: a.node.Timeout}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.node.Timeout, limit)
		defer cancel()
	}
	id := sdk.Ident{Run: a.opts.ID, Node: a.node.Address, Attempt: a.attempt}
	step, err := a.planner.Step(ctx, a.node, plan.Situation{Outcomes: a.outcomes, Prior: a.prior, ID: id})
	if err != nil {
		return a.failed(ctx, step, plan.Problem(err)), statusOf(err)
	}
	planned := event.NodePlanned{
		Node: a.node.Address, Type: a.node.Plugin + "." + a.node.Type, Reason: step.Reason, Changes: plan.Changes(step.Changes),
	}
	switch step.Action {
	case plan.Skip:
		return a.end(event.Skipped, step.Reason), attemptDone
	case plan.Later:
		return a.failed(ctx, step, &event.Problem{
			Message: fmt.Sprintf("plan %s: its inputs are not known although all phases before it have ended", a.node.Address),
			Hint:    "A phase that it depends on failed and was continued, or left outputs unknown.",
		}), attemptPermanent
	case plan.None:
		return a.unchanged(box, step, planned)
	case plan.Apply:
	}
	return a.apply(ctx, box, step, id, isolated, planned)
}

// unchanged ends a phase that is as wanted. It is recorded only if that is news.
func (a *applier) unchanged(box *mailbox, step plan.Step, planned event.NodePlanned) (ending, attemptStatus) {
	box.tell(message{secrets: step.Secrets, events: []event.Body{planned}})
	e := a.end(event.Unchanged, step.Reason)
	outputs, err := plan.StorableOutputs(step.Ref, step.Outputs, a.hidden(step, step.Outputs))
	if err != nil {
		return a.failed(context.Background(), step, plan.Problem(err)), attemptPermanent
	}
	e.outcome = outcome{outputs: step.Outputs, secrets: plan.SensitiveOutputs(step.Ref, step.Outputs)}
	if !a.known(step, outputs) {
		e.records = []state.Record{state.NodeEnd{
			Address: a.node.Address, Status: event.Unchanged, Identity: &step.Identity,
			Outputs: outputs, Private: step.Private, Time: a.opts.Clock().UTC(),
		}}
	}
	return e, attemptDone
}

func (a *applier) end(status event.Status, reason string) ending {
	return ending{body: event.NodeEnded{
		Node: a.node.Address, Type: a.node.Plugin + "." + a.node.Type, Status: status,
		Reason: reason, Attempt: a.attempt, Changes: a.done,
	}}
}

// failed ends an attempt before the plugin's Apply was called.
func (a *applier) failed(ctx context.Context, step plan.Step, problem *event.Problem) ending {
	status := event.Failed
	if errors.Is(context.Cause(ctx), ErrInterrupted) {
		status = event.Cancelled
	}
	e := a.end(status, "")
	e.body.Problem = problem
	e.outcome.secrets = step.Secrets
	return e
}
