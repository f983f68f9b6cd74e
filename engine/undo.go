package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// undoWidth is how many phases are looked at at once for the plan of an undo.
const undoWidth = 8

// UndoOptions configure [Engine.Undo].
type UndoOptions struct {
	Parallelism int
	// Wanted picks what is undone: phases with all that need them.
	Wanted selection.Selection
	// To undoes what was completed after this phase, in place of Wanted. Empty means
	// everything.
	To string
	// LeftOut is told which phases stay, before Approve is called. May be nil if all
	// are wanted.
	LeftOut func(addresses []string)
	// Approve is shown what would be removed, in the order of the undo, before
	// anything is done; an error stops it. It is called with none when nothing is
	// recorded; then nothing runs, and the result has no status. Required.
	Approve func(context.Context, []UndoStep) error
	Sink    event.Sink
	Now     <-chan struct{}
	// TakeOver is as in [ApplyOptions].
	TakeOver bool
}

// Undo removes everything that runs of the pipeline recorded. The file need not
// exist any more: it is read for its plugin blocks only.
func (e *Engine) Undo(ctx context.Context, path string, opts UndoOptions) (result run.Result, err error) {
	source, _ := config.LoadFile(path) // a broken file still tells its plugin blocks
	p := &Pipeline{Name: e.StateName(path), Path: path, engine: e}
	if !source.Shares {
		p.file = absolute(path)
	}
	p.plugins = newPlugins(e.host, source)
	if diags := p.plugins.readLock(source); diags.HasErrors() {
		return result, diags
	}
	if known, err := state.Read(p.StateDir()); err != nil || known.Empty() {
		if err != nil {
			return result, err
		}
		return result, opts.Approve(ctx, nil)
	}
	host, err := p.hold(ctx, event.OperationUndo, opts.TakeOver)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	store, err := p.open(event.OperationUndo)
	if err != nil {
		return result, err
	}
	defer func() { err = leave(store, err) }()
	addresses, nodes, err := opts.pick(store.State())
	if err != nil {
		return result, err
	}
	if len(nodes) == 0 {
		return result, opts.Approve(ctx, nil)
	}
	if err := opts.Approve(ctx, p.planUndo(ctx, nodes)); err != nil {
		return result, err
	}
	runOpts := p.options(store, ApplyOptions{Parallelism: opts.Parallelism, Now: opts.Now})
	p.recorded(runOpts.ID, opts.Sink, func(sink event.Sink) {
		runOpts.Sink = sink
		result, err = run.Undo(ctx, addresses, runOpts)
	})
	return result, err
}

// pick returns what is to be undone, in order, and tells what is left out.
func (o UndoOptions) pick(recorded *state.State) (addresses []string, nodes []*state.Node, err error) {
	if o.To != "" {
		if o.Wanted, err = since(recorded, o.To); err != nil {
			return nil, nil, err
		}
	}
	addresses, left, err := undoOrder(recorded, o.Wanted)
	if err != nil {
		return nil, nil, err
	}
	if len(left) > 0 {
		o.LeftOut(left)
	}
	for _, a := range addresses {
		n := *recorded.Nodes[a]
		nodes = append(nodes, &n)
	}
	return addresses, nodes, nil
}

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
