package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

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
		delay, again := retries.next(status, box.stopped(ctx))
		if !again {
			return end
		}
		isolated = isolated || status == attemptCrashed
		box.tell(message{
			secrets: end.outcome.secrets, records: end.records, pause: true,
			events: []event.Body{event.NodeRetrying{
				Node: a.node.Address, Attempt: a.attempt, Attempts: retries.attempts,
				Reason: end.body.Problem.Message, Delay: event.Duration(delay),
			}},
		})
		if !a.wait(ctx, box, delay) {
			return a.abandoned(end)
		}
		slot := make(chan bool, 1)
		a.prior = box.tell(message{slot: slot}).prior
		if !<-slot {
			return a.abandoned(end)
		}
	}
}

// wait pauses between attempts; false means that there will be no other one.
func (a *applier) wait(ctx context.Context, box *mailbox, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-box.stopping:
	case <-ctx.Done():
	}
	return false
}

// abandoned is the end of a phase that was stopped while it waited for its next
// attempt: the failure of the last one stays its problem.
func (a *applier) abandoned(last ending) ending {
	if last.body.Status == event.Failed {
		last.body.Status = event.Cancelled
	}
	last.body.Duration = event.Duration(a.opts.Clock().Sub(a.began))
	last.records = nil // stored when the wait began
	return last
}

// try plans the phase and, if there is anything to do, applies it once.
func (a *applier) try(ctx context.Context, box *mailbox, isolated bool) (ending, attemptStatus) {
	if a.node.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.node.Timeout, &TimeoutError{After: a.node.Timeout})
		defer cancel()
	}
	id := sdk.Ident{Run: a.opts.ID, Node: a.node.Address, Attempt: a.attempt}
	step, err := a.planner.Step(ctx, a.node, plan.Situation{Outcomes: a.outcomes, Prior: a.prior, ID: id})
	if err != nil {
		return a.unplanned(ctx, step, err)
	}
	switch step.Action {
	case plan.Skip:
		return a.end(event.Skipped, step.Reason), attemptDone
	case plan.Later:
		return a.incomplete(step), attemptPermanent
	case plan.None:
		r := box.tell(message{secrets: step.Secrets, events: []event.Body{a.planned(step)}, files: step.Files()})
		if clash := a.clash(r.err); clash != nil {
			return a.unplanned(ctx, step, clash)
		}
		if step.Undo {
			box.warn(step.Diagnostics)
			return a.undone(step, event.Unchanged)
		}
		return a.unchanged(box, step)
	case plan.Apply:
	}
	return a.apply(ctx, box, step, id, isolated)
}

// clash is the error for people if the loop refused a phase for its files.
func (a *applier) clash(err error) error {
	var clash *clashError
	if !errors.As(err, &clash) {
		return nil
	}
	return a.planner.Conflict(a.node.Address, clash.other, clash.files)
}

func (a *applier) planned(step plan.Step) event.Body {
	return event.NodePlanned{
		Node: a.node.Address, Type: a.typeName(), Reason: step.Reason, Changes: plan.Changes(step.Changes), Inputs: step.Inputs,
	}
}

func (a *applier) typeName() string { return a.node.Plugin + "." + a.node.Type }

func (a *applier) end(status event.Status, reason string) ending {
	return ending{body: event.NodeEnded{
		Node: a.node.Address, Type: a.typeName(), Status: status,
		Reason: reason, Attempt: a.attempt, Changes: a.done,
	}}
}

// failed ends an attempt in which the plugin's Apply was not called.
func (a *applier) failed(step plan.Step, problem *event.Problem) ending {
	e := a.end(event.Failed, "")
	e.body.Problem = problem
	e.outcome.secrets = step.Secrets
	return e
}

// cancelled ends an attempt that was kept from calling the plugin.
func (a *applier) cancelled(step plan.Step) ending {
	e := a.end(event.Cancelled, "")
	e.outcome.secrets = step.Secrets
	return e
}

// unplanned ends an attempt that did not get as far as a plan or a plugin.
func (a *applier) unplanned(ctx context.Context, step plan.Step, err error) (ending, attemptStatus) {
	var limit *TimeoutError
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &limit):
		return a.failed(step, &event.Problem{Message: limit.Error() + " before anything was changed"}), attemptFailed
	case cause != nil, errors.Is(err, errStopped):
		return a.cancelled(step), attemptPermanent
	case plan.Permanent(err):
		return a.failed(step, plan.Problem(err)), attemptPermanent
	}
	return a.failed(step, plan.Problem(err)), attemptFailed
}

// incomplete ends a phase whose inputs will never be known.
func (a *applier) incomplete(step plan.Step) ending {
	return a.failed(step, &event.Problem{
		Message: fmt.Sprintf("plan %s: it needs outputs of %s, which did not succeed", a.node.Address, strings.Join(step.After, ", ")),
		Hint:    "The run went on after that failure because of on_error. Give the argument another value for that case: try(phase.x.output, …).",
	})
}

// unchanged ends a phase that is as wanted. It is recorded only if that is news.
func (a *applier) unchanged(box *mailbox, step plan.Step) (ending, attemptStatus) {
	box.warn(step.Diagnostics)
	if problem := a.postconditions(event.Unchanged, step.Outputs); problem != nil {
		return a.failed(step, problem), attemptPermanent
	}
	outputs, err := step.Storable(step.Outputs)
	if err != nil {
		return a.failed(step, plan.Problem(err)), attemptPermanent
	}
	e := a.end(event.Unchanged, step.Reason)
	e.outcome = outcome{outputs: step.Outputs, secrets: step.Hidden(step.Outputs)}
	if !step.Known(a.prior, outputs) {
		e.records = []state.Record{state.NodeEnd{
			Address: a.node.Address, Status: event.Unchanged, Identity: &step.Identity,
			Outputs: outputs, Private: step.Private, Time: a.opts.Clock().UTC(),
		}}
	}
	return e, attemptDone
}
