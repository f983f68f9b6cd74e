package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
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

// apply calls the plugin's Apply, between two records in the journal.
func (a *applier) apply(
	ctx context.Context, box *mailbox, step plan.Step, id sdk.Ident, isolated bool,
) (ending, attemptStatus) {
	lease, err := a.opts.Launcher.Launch(ctx, a.node.Plugin, isolated)
	if err != nil {
		return a.unplanned(ctx, step, err)
	}
	defer lease.Release()
	reboots := step.Ref.Type.Reboots() && !step.Undo
	if reboots {
		if err := a.beAlone(ctx, box); err != nil {
			return a.unplanned(ctx, step, err)
		}
	}
	stored, err := box.begin(ctx, message{
		reboots: reboots, secrets: step.Secrets, events: []event.Body{a.planned(step)},
		records: []state.Record{a.starts(step)}, files: step.Files(),
	})
	if clash := a.clash(err); clash != nil {
		return a.unplanned(ctx, step, clash)
	}
	if err != nil {
		e, status := a.unplanned(ctx, step, errStopped)
		if stored { // the plugin was not called, and that is known
			e.records = []state.Record{state.NodeEnd{
				Address: a.node.Address, Status: e.body.Status, Problem: e.body.Problem, Time: a.opts.Clock().UTC(),
			}}
		}
		return e, status
	}
	box.say(message{events: []event.Body{event.NodeStarted{Node: a.node.Address, Type: a.typeName(), Attempt: a.attempt}}})
	box.warn(step.Diagnostics)
	began := a.opts.Clock()
	result, err := a.call(ctx, box, step, id, lease)
	if tooMuch := plan.CheckResult(result); err == nil && tooMuch != nil {
		result, err = sdk.Result{}, fmt.Errorf("apply %s: %w", a.node.Address, tooMuch)
	}
	box.warn(result.Diagnostics)
	e, status := a.judge(ctx, step, result, err, state.NodeEnd{
		Address: a.node.Address, Private: result.Private,
		Time: a.opts.Clock().UTC(), Took: a.opts.Clock().Sub(began),
	})
	e.reboots = reboots && a.goesDown(ctx)
	return e, status
}

func (a *applier) call(ctx context.Context, box *mailbox, step plan.Step, id sdk.Ident, lease Lease) (sdk.Result, error) {
	var made atomic.Int64
	defer func() { a.done += int(made.Load()) }()
	return call{
		lease: lease, id: id, grace: step.Ref.Type.CancelGrace, now: a.opts.Now,
		do: func(ctx context.Context) (sdk.Result, error) {
			emit := func(e sdk.Event) {
				if _, ok := e.(sdk.ChangeDone); ok {
					made.Add(1)
				}
				box.forward(ctx, e)
			}
			if step.Undo {
				return lease.Client.Undo(ctx, sdk.UndoRequest{ID: id, Type: a.node.Type, Config: step.Config, Private: step.Private}, emit)
			}
			return lease.Client.Apply(ctx, sdk.ApplyRequest{
				ID: id, Type: a.node.Type, Config: step.Config, Private: step.Private, Fingerprint: step.Fingerprint,
			}, emit)
		},
	}.run(ctx)
}

// judge turns the answer of the plugin into the end of the attempt.
func (a *applier) judge(
	ctx context.Context, step plan.Step, result sdk.Result, err error, record state.NodeEnd,
) (ending, attemptStatus) {
	hidden := step.Hidden(result.Outputs)
	switch {
	case errors.Is(err, sdk.ErrNoResult):
		return a.lost(ctx, step, err, record)
	case err != nil: // it was not called at all, or broke its own schema
		return a.stopped(event.Failed, a.defect(err), record, hidden), attemptPermanent
	case result.Status == sdk.StatusOK && step.Undo:
		return a.undone(step, event.Succeeded)
	case result.Status == sdk.StatusOK:
		return a.succeeded(step, result.Outputs, record, hidden)
	}
	problem := a.planner.Place(a.node.Address, result.Diagnostics)
	var limit *TimeoutError
	switch {
	case result.Status == sdk.StatusCancelled && errors.As(context.Cause(ctx), &limit):
		timedOut(problem, limit)
		return a.stopped(event.Failed, problem, record, hidden), attemptFailed
	case result.Status == sdk.StatusCancelled:
		return a.stopped(event.Cancelled, problem, record, hidden), attemptPermanent
	case result.Diagnostics.Permanent():
		return a.stopped(event.Failed, problem, record, hidden), attemptPermanent
	}
	return a.stopped(event.Failed, problem, record, hidden), attemptFailed
}

// timedOut makes a problem begin with the timeout, once.
func timedOut(p *event.Problem, limit *TimeoutError) {
	said := (&sdk.CancelledError{Reason: limit.Error()}).Error()
	p.Message = strings.ReplaceAll(p.Message, said, limit.Error())
	if !strings.Contains(p.Message, limit.Error()) {
		p.Message = limit.Error() + ": " + p.Message
	}
	if p.Hint == "" {
		p.Hint = "If it only needs longer, raise the timeout of the phase."
	}
}

func (a *applier) succeeded(step plan.Step, outputs cty.Value, record state.NodeEnd, hidden []string) (ending, attemptStatus) {
	stored, err := step.Storable(outputs)
	if err != nil {
		return a.stopped(event.Failed, plan.Problem(err), record, hidden), attemptPermanent
	}
	if problem := a.postconditions(event.Succeeded, outputs); problem != nil {
		return a.stopped(event.Failed, problem, record, hidden), attemptPermanent
	}
	record.Status, record.Outputs = event.Succeeded, stored
	e := a.end(event.Succeeded, step.Reason)
	e.outcome = outcome{outputs: outputs, secrets: hidden}
	e.records = []state.Record{record}
	return e, attemptDone
}

// stopped ends an attempt that did not succeed.
func (a *applier) stopped(status event.Status, problem *event.Problem, record state.NodeEnd, hidden []string) ending {
	record.Status, record.Problem = status, problem
	e := a.end(status, "")
	e.body.Problem, e.records, e.outcome.secrets = problem, []state.Record{record}, hidden
	return e
}

// lost ends an attempt that gave no result: nobody knows what was done. One that
// was killed for taking too long did not crash; the phase says whether to try again.
func (a *applier) lost(ctx context.Context, step plan.Step, err error, record state.NodeEnd) (ending, attemptStatus) {
	problem := a.defect(err)
	if ctx.Err() != nil { // it was killed
		problem = plan.Problem(err)
	}
	e := a.stopped(event.Unknown, problem, record, step.Secrets)
	switch {
	case !step.Ref.Type.Repeatable:
		return e, attemptUnknown
	case ctx.Err() != nil:
		return e, attemptFailed
	}
	return e, attemptCrashed
}

// defect is the problem of a plugin that broke the protocol or died. It names the
// plugin.
func (a *applier) defect(err error) *event.Problem {
	p := plan.Problem(err)
	if name := fmt.Sprintf("plugin %q", a.node.Plugin); !strings.Contains(p.Message, name) {
		p.Message = name + ": " + p.Message
		if p.Hint == "" {
			p.Hint = "This is a defect of the plugin, not of the pipeline: report it to its author."
		}
	}
	return p
}

func (a *applier) postconditions(status event.Status, outputs cty.Value) *event.Problem {
	if !a.node.HasPostconditions() {
		return nil
	}
	own := maps.Clone(a.outcomes)
	own[a.node.Address] = expand.Outcome{Status: string(status), Outputs: outputs}
	if diags := a.node.Postconditions(own); diags.HasErrors() {
		return plan.Problem(diags)
	}
	return nil
}
