package engine

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// undoWidth is how many phases are looked at at once for the plan of an undo.
const undoWidth = 8

// UndoStep is what an undo would do with one phase.
type UndoStep struct {
	Node    *state.Node
	Changes []sdk.Change
	// Problem is why its plugin cannot tell. Undo tries nevertheless.
	Problem error
}

// planUndo asks the plugins what an undo would remove.
func (p *Pipeline) planUndo(ctx context.Context, nodes []*state.Node) []UndoStep {
	steps := make([]UndoStep, len(nodes))
	var group errgroup.Group
	group.SetLimit(undoWidth)
	for i, n := range nodes {
		steps[i].Node = n
		group.Go(func() error {
			steps[i].Changes, steps[i].Problem = p.planUndoOf(ctx, n)
			return nil
		})
	}
	_ = group.Wait() // the functions return no errors
	return steps
}

func (p *Pipeline) planUndoOf(ctx context.Context, n *state.Node) ([]sdk.Change, error) {
	client, err := p.plugins.Client(ctx, n.Plugin.Name)
	if err != nil {
		return nil, err
	}
	desc, err := client.Describe(ctx)
	if err != nil {
		return nil, err
	}
	_, name, _ := strings.Cut(n.Type, ".")
	typ, ok := desc.Type(name)
	if !ok {
		return nil, fmt.Errorf("plan undo of %s: plugin %q %s has no type %q", n.Address, desc.Name, desc.Version, name)
	}
	private, err := plan.Upgraded(ctx, client, typ, n)
	if err != nil {
		return nil, err
	}
	planned, err := client.Plan(ctx, sdk.PlanRequest{ID: sdk.Ident{Node: n.Address}, Type: name, Private: private, Undo: true})
	return planned.Changes, err
}

// since selects what was completed after a phase, without what that needs.
func since(recorded *state.State, address string) (selection.Selection, error) {
	n := recorded.Nodes[address]
	if n == nil {
		return selection.Selection{}, unknownPhase(address, recorded.Addresses())
	}
	wanted := selection.Selection{Excludes: []string{address}}
	for _, a := range recorded.Addresses() {
		if recorded.Nodes[a].Order > n.Order {
			wanted.Targets = append(wanted.Targets, a)
		}
	}
	return wanted, nil
}
