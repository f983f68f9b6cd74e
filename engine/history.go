package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/history"
	"github.com/clusterflow/clusterflow/engine/state"
)

// RecordedRun is a run of which there are events.
type RecordedRun struct {
	history.Run
	Pipeline string // the name that its state is kept under
	// Owner is who runs it; zero when it does not run any more.
	Owner state.Owner
}

// Runs lists the runs of one pipeline, or of all if there is no path, newest first.
func (e *Engine) Runs(path string) ([]RecordedRun, error) {
	names := []string{e.StateName(path)}
	if path == "" {
		var err error
		if names, err = e.stateDirs(); err != nil {
			return nil, err
		}
	}
	owner, busy := state.HostOwner(e.opts.StateDir)
	var out []RecordedRun
	for _, name := range names {
		runs, err := history.List(filepath.Join(e.opts.StateDir, name))
		if err != nil {
			return nil, err
		}
		for i, r := range runs {
			recorded := RecordedRun{Run: r, Pipeline: name}
			if i == 0 && busy && r.Ended == nil && owner.Pipeline == name {
				recorded.Owner = owner
			}
			out = append(out, recorded)
		}
	}
	slices.SortStableFunc(out, func(a, b RecordedRun) int { return b.Began.Compare(a.Began) })
	return out, nil
}

// stateDirs names the state directories that there are.
func (e *Engine) stateDirs() ([]string, error) {
	entries, err := os.ReadDir(e.opts.StateDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Follow shows a run that goes on, from its beginning, until it ends or ctx is
// done. There is no status when it was not seen to end.
func (e *Engine) Follow(ctx context.Context, r RecordedRun, sink event.Sink) (event.RunStatus, error) {
	lives := func() bool {
		owner, busy := state.HostOwner(e.opts.StateDir)
		return busy && owner.PID == r.Owner.PID && owner.Since.Equal(r.Owner.Since)
	}
	var status event.RunStatus
	_, err := history.Follow(ctx, r.Path, lives, event.Tee(sink, event.SinkFunc(func(ev event.Event) {
		if end, ok := ev.Body.(event.RunEnded); ok {
			status = end.Status
		}
	})))
	return status, err
}

// recordedIf is recorded, if that is wanted.
func (p *Pipeline) recordedIf(wanted bool, run string, sink event.Sink, do func(event.Sink)) {
	if !wanted {
		do(sink)
		return
	}
	p.recorded(run, sink, do)
}

// recorded runs something that has its events recorded besides. That they cannot
// be is worth a warning, and no reason to stop.
func (p *Pipeline) recorded(run string, sink event.Sink, do func(event.Sink)) {
	r, err := history.Record(p.StateDir(), run)
	if err != nil {
		p.engine.opts.Warn(err.Error())
		do(sink)
		return
	}
	do(event.Tee(sink, r))
	if err := r.Close(); err != nil {
		p.engine.opts.Warn(err.Error())
	}
}
