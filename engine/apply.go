package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/history"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/planfile"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/engine/state"
)

// ErrDeclined says that the user did not approve a plan.
var ErrDeclined = errors.New("not approved")

// ApplyOptions configure [Pipeline.Apply].
type ApplyOptions struct {
	// Parallelism is how many phases may run at once; zero picks a number.
	Parallelism int
	FailFast    bool
	// Rerun names phases of unknown outcome that may run again.
	Rerun []string
	// Planned, when it is set, must still hold: else nothing is done, and the error
	// is a [planfile.StaleError].
	Planned *planfile.File
	// Approve is shown the plan before anything is done; an error stops the run.
	// Required.
	Approve func(context.Context, *plan.Plan) error
	// Sink gets the events of the run. Required.
	Sink event.Sink
	// Now cuts short the grace of plugins that were asked to stop. May be nil.
	Now <-chan struct{}
	// TakeOver stops a run that goes on on this host, of any pipeline, and goes on in
	// its place. Without it such a run is a [state.LockedError].
	TakeOver bool
}

// Apply plans the pipeline, has the plan approved and carries it out, all while
// it holds the pipeline's state. It returns the outcomes for [Pipeline.Outputs].
// A result without a status means that nothing ran.
func (p *Pipeline) Apply(ctx context.Context, opts ApplyOptions) (result run.Result, known plan.Outcomes, err error) {
	planner, err := p.planner(opts.Rerun)
	if err != nil {
		return result, nil, err
	}
	host, err := p.hold(ctx, event.OperationApply, opts.TakeOver)
	if err != nil {
		return result, nil, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	store, err := p.open(event.OperationApply)
	if err != nil {
		return result, nil, err
	}
	defer func() { err = leave(store, err) }()
	if planner.Key, err = ensureKey(p.StateDir()); err != nil {
		return result, nil, err
	}
	planned, err := planner.Build(ctx, store.State())
	if err != nil {
		return result, nil, err
	}
	if err := p.holds(opts.Planned, store.State(), planned); err != nil {
		return result, nil, err
	}
	if err := opts.Approve(ctx, planned); err != nil {
		return result, planned.Outcomes(), err
	}
	planner.Settled = planned.Settled(p.Program)
	runOpts := p.options(store, opts)
	carryOut := func(sink event.Sink) {
		runOpts.Sink = sink
		result, known, err = run.Apply(ctx, planner, runOpts)
	}
	if planned.HasChanges() {
		p.recorded(runOpts.ID, opts.Sink, carryOut)
	} else {
		carryOut(opts.Sink)
	}
	return result, known, err
}

// open takes the state of the pipeline. A record cut short is what a kill leaves
// and no news; other damage is.
func (p *Pipeline) open(op event.Operation) (*state.Store, error) {
	store, err := state.Open(p.StateDir(), state.Self(string(op), time.Now()))
	if err != nil {
		return nil, err
	}
	if d := store.State().Damage; d != nil && !d.Torn {
		p.engine.opts.Warn(fmt.Sprintf("state of %s: %s", p.Path, d))
	}
	return store, nil
}

func (p *Pipeline) options(store *state.Store, opts ApplyOptions) run.Options {
	return run.Options{
		ID: newRunID(), Pipeline: p.Path, Engine: p.engine.opts.Version,
		Parallelism: opts.Parallelism, FailFast: opts.FailFast, Now: opts.Now,
		Sink: opts.Sink, Store: store, Launcher: p.plugins,
	}
}

// leave gives the state free after a run that ended with err. A directory that
// records nothing is removed: it was made for a run that did nothing.
func leave(store *state.Store, err error) error {
	end := store.Close
	if store.State().Empty() {
		end = func() error { return removeState(store) }
	}
	if left := end(); err == nil { // else the run has told what is wrong with the state
		return left
	}
	return err
}

func removeState(store *state.Store) error {
	if err := errors.Join(removeKey(store.Dir()), history.Remove(store.Dir())); err != nil {
		return errors.Join(err, store.Close())
	}
	err := store.Remove()
	_ = os.Remove(filepath.Dir(store.Dir())) // the base directory, if no other pipeline uses it
	return err
}

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
	p := &Pipeline{Name: pipelineName(path), Path: path, engine: e}
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
	if opts.To != "" {
		if opts.Wanted, err = since(store.State(), opts.To); err != nil {
			return result, err
		}
	}
	addresses, left, err := undoOrder(store.State(), opts.Wanted)
	if err != nil {
		return result, err
	}
	if len(left) > 0 {
		opts.LeftOut(left)
	}
	if len(addresses) == 0 {
		return result, opts.Approve(ctx, nil)
	}
	nodes := make([]*state.Node, 0, len(addresses))
	for _, a := range addresses {
		n := *store.State().Nodes[a]
		nodes = append(nodes, &n)
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

// newRunID returns an id that sorts by time: 20261120T060102Z-1a2b3c.
func newRunID() string {
	var salt [3]byte
	_, _ = rand.Read(salt[:]) // never fails
	return fmt.Sprintf("%s-%x", time.Now().UTC().Format("20060102T150405Z"), salt)
}
