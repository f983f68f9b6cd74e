package run

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// attemptStatus is how one attempt went, as far as trying again is concerned.
type attemptStatus int

const (
	attemptDone      attemptStatus = iota
	attemptFailed                  // may be tried again if the phase says so
	attemptPermanent               // trying again cannot help
	attemptCrashed                 // the plugin died; its type may run again
	attemptUnknown                 // the plugin died; its type must not run twice
)

func statusOf(err error) attemptStatus {
	if plan.Permanent(err) {
		return attemptPermanent
	}
	return attemptFailed
}

// apply calls the plugin's Apply, between two records in the journal.
func (a *applier) apply(
	ctx context.Context, box *mailbox, step plan.Step, id sdk.Ident, isolated bool, planned event.NodePlanned,
) (ending, attemptStatus) {
	lease, err := a.opts.Launcher.Launch(ctx, a.node.Plugin, isolated)
	if err != nil {
		return a.failed(ctx, step, plan.Problem(err)), attemptFailed
	}
	defer lease.Release()
	start := state.NodeStart{
		Address: a.node.Address, Identity: step.Identity, Attempt: a.attempt,
		Private: step.Private, Time: a.opts.Clock().UTC(),
	}
	err = box.begin(ctx, step.Secrets, start, planned,
		event.NodeStarted{Node: a.node.Address, Type: step.Identity.Type, Attempt: a.attempt})
	if err != nil {
		return a.failed(ctx, step, plan.Problem(err)), attemptPermanent
	}
	var made atomic.Int64
	began := a.opts.Clock()
	result, err := call{
		lease: lease, id: id, grace: step.Ref.Type.CancelGrace, now: a.opts.Now,
		do: func(ctx context.Context) (sdk.Result, error) {
			req := sdk.ApplyRequest{
				ID: id, Type: a.node.Type, Config: step.Config, Private: step.Private, Fingerprint: step.Fingerprint,
			}
			return lease.Client.Apply(ctx, req, func(e sdk.Event) {
				if _, ok := e.(sdk.ChangeDone); ok {
					made.Add(1)
				}
				box.forward(e)
			})
		},
	}.run(ctx)
	a.done += int(made.Load())
	return a.judge(ctx, step, result, err, state.NodeEnd{
		Address: a.node.Address, Private: result.Private,
		Time: a.opts.Clock().UTC(), Took: a.opts.Clock().Sub(began),
	})
}

// judge turns the answer of the plugin into the end of the attempt.
func (a *applier) judge(
	ctx context.Context, step plan.Step, result sdk.Result, err error, record state.NodeEnd,
) (ending, attemptStatus) {
	if err != nil {
		return a.lost(step, err, record)
	}
	hidden := a.hidden(step, result.Outputs)
	if result.Status == sdk.StatusOK {
		if record.Outputs, err = plan.StorableOutputs(step.Ref, result.Outputs, hidden); err != nil {
			return a.lost(step, err, record)
		}
		if problem := a.postconditions(result.Outputs); problem != nil {
			return a.stopped(event.Failed, problem, record, hidden), attemptPermanent
		}
		e := a.end(event.Succeeded, step.Reason)
		e.outcome = outcome{outputs: result.Outputs, secrets: hidden}
		record.Status = event.Succeeded
		e.records = []state.Record{record}
		return e, attemptDone
	}
	problem := a.planner.Place(a.node.Address, result.Diagnostics)
	cause := context.Cause(ctx)
	var limit *TimeoutError
	switch {
	case result.Status == sdk.StatusCancelled && errors.As(cause, &limit):
		problem.Message = limit.Error() + ": " + problem.Message
		return a.stopped(event.Failed, problem, record, hidden), attemptFailed
	case result.Status == sdk.StatusCancelled:
		return a.stopped(event.Cancelled, problem, record, hidden), attemptPermanent
	case result.Diagnostics.Permanent():
		return a.stopped(event.Failed, problem, record, hidden), attemptPermanent
	}
	return a.stopped(event.Failed, problem, record, hidden), attemptFailed
}

// stopped ends an attempt that did not succeed.
func (a *applier) stopped(status event.Status, problem *event.Problem, record state.NodeEnd, hidden []string) ending {
	m := &mask{}
	m.add(hidden)
	problem = m.problemOrSame(problem)
	record.Status, record.Problem = status, problem
	e := a.end(status, "")
	e.body.Problem, e.records, e.outcome.secrets = problem, []state.Record{record}, hidden
	return e
}

// lost ends an attempt that gave no result: nobody knows what was done.
func (a *applier) lost(step plan.Step, err error, record state.NodeEnd) (ending, attemptStatus) {
	e := a.stopped(event.Unknown, plan.Problem(err), record, step.Secrets)
	if step.Ref.Type.Repeatable {
		return e, attemptCrashed
	}
	return e, attemptUnknown
}

func (a *applier) postconditions(outputs cty.Value) *event.Problem {
	own := maps.Clone(a.outcomes)
	own[a.node.Address] = expand.Outcome{Status: string(event.Succeeded), Outputs: outputs}
	if diags := a.node.Postconditions(own); diags.HasErrors() {
		return plan.Problem(diags)
	}
	return nil
}

// hidden lists all strings that must not be shown or stored of this phase.
func (a *applier) hidden(step plan.Step, outputs cty.Value) []string {
	return append(slices.Clone(step.Secrets), plan.SensitiveOutputs(step.Ref, outputs)...)
}

// known reports whether an unchanged phase is recorded just so already.
func (a *applier) known(step plan.Step, outputs []byte) bool {
	p := a.prior
	return p != nil && p.Status == state.Succeeded && p.Success != nil &&
		p.Success.Inputs == step.Identity.Inputs && p.TypeVersion == step.Identity.TypeVersion &&
		bytes.Equal(p.Success.Outputs, outputs) && bytes.Equal(p.Private, step.Private) &&
		slices.Equal(p.Depends, step.Identity.Depends)
}
