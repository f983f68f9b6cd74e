package engine

import (
	"context"
	"fmt"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/history"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/report"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/engine/state"
)

// Explained is what is known of one phase, from three sides.
type Explained struct {
	Node     *expand.Node // as it is declared now, or nil
	Recorded *state.Node  // or nil
	Past     *report.Past // the last run that dealt with it, or nil
	Step     *plan.Step   // what apply would do, or nil
}

// Explain tells of a phase of the pipeline. It plans what the phase needs, and the
// phase. The error is an [UnknownPhaseError], or says why it cannot be planned; the
// rest is told then, too.
func (p *Pipeline) Explain(ctx context.Context, address string) (Explained, error) {
	recorded, err := state.Read(p.StateDir())
	if err != nil {
		return Explained{}, err
	}
	out := Explained{Recorded: recorded.Nodes[address]}
	node, declared := p.Program.Node(address)
	if !declared && out.Recorded == nil {
		return out, p.unknownPhase(address)
	}
	if out.Past, err = p.engine.past(p.StateDir(), address); err != nil || !declared {
		return out, err
	}
	out.Node = node
	if _, err := p.Select(selection.Selection{Targets: []string{address}}); err != nil {
		return out, err
	}
	planned, err := p.Plan(ctx)
	if err != nil {
		return out, fmt.Errorf("plan %s: %w", address, err)
	}
	for i := range planned.Steps {
		if planned.Steps[i].Address == address {
			out.Step = planned.Steps[i]
		}
	}
	return out, nil
}

// past finds the last run that dealt with a phase.
func (e *Engine) past(stateDir, address string) (*report.Past, error) {
	runs, err := history.List(stateDir)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		past, seen := &report.Past{Address: address}, false
		err := history.Read(r.Path, func(ev event.Event) {
			seen = seen || ev.Subject() == address
			past.Emit(ev)
		})
		if err == nil && seen {
			return past, nil
		}
	}
	return nil, nil
}
