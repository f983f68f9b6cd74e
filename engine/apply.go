package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/history"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/planfile"
	"github.com/clusterflow/clusterflow/engine/resume"
	"github.com/clusterflow/clusterflow/engine/run"
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
	// Resume is the command line that goes on with this run, after a phase that boots
	// the host. It holds no sensitive value. Empty if there is none.
	Resume []string
	// System is where that is arranged; its zero value is this host.
	System resume.System
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
	// The run drops the steps of the plan one by one: nothing below may hold it.
	changes, forget := planned.HasChanges(), planned.Forget
	runOpts := p.options(store, opts)
	var runErr error
	resumeErr := p.apply(ctx, func(r run.Resumption) run.Result {
		runOpts.Resumption = r
		p.recordedIf(changes, runOpts.ID, opts.Sink, func(sink event.Sink) {
			runOpts.Sink = sink
			result, known, runErr = run.Apply(ctx, planner, runOpts)
		})
		return result
	}, opts)
	if err = errors.Join(runErr, resumeErr); err == nil && forget && result.Status == event.RunSucceeded {
		err = p.forgetAll(ctx, store)
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
	if err := p.owns(store.State()); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if d := store.State().Damage; d != nil && !d.Torn {
		p.engine.opts.Warn(fmt.Sprintf("state of %s: %s", p.Path, d))
	}
	return store, nil
}

func (p *Pipeline) options(store *state.Store, opts ApplyOptions) run.Options {
	return run.Options{
		ID: newRunID(), Pipeline: p.Path, Path: p.file, Engine: p.engine.opts.Version,
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

// newRunID returns an id that sorts by time: 20261120T060102Z-1a2b3c.
func newRunID() string {
	var salt [3]byte
	_, _ = rand.Read(salt[:]) // never fails
	return fmt.Sprintf("%s-%x", time.Now().UTC().Format("20060102T150405Z"), salt)
}
