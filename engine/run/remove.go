package run

import (
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// starts is the record that an attempt begins.
func (a *applier) starts(step plan.Step) state.Record {
	if step.Undo {
		return state.UndoStart{Address: a.node.Address, Attempt: a.attempt, Time: a.opts.Clock().UTC()}
	}
	return state.NodeStart{
		Address: a.node.Address, Identity: step.Identity, Attempt: a.attempt,
		Private: step.Private, Time: a.opts.Clock().UTC(),
	}
}

// undone ends a phase of an undone module of which nothing is left. What was
// recorded of it is forgotten.
func (a *applier) undone(step plan.Step, status event.Status) (ending, attemptStatus) {
	e := a.end(status, step.Reason)
	e.outcome.secrets = step.Secrets
	if a.prior != nil || status == event.Succeeded {
		e.records = []state.Record{state.NodeUndone{Address: a.node.Address, Time: a.opts.Clock().UTC()}}
	}
	return e, attemptDone
}
