package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// takeOverPoll is how often a lock is tried that another process is about to
	// give free.
	takeOverPoll = 50 * time.Millisecond
	// hurryTime is how long a run may take to end after it was asked once more: the
	// time to kill plugins that hang.
	hurryTime = 10 * time.Second
)

// hold takes the right to change the host for a run of the pipeline.
func (p *Pipeline) hold(ctx context.Context, op event.Operation, takeOver bool) (*state.Host, error) {
	owner := state.Self(string(op), time.Now())
	owner.Pipeline = p.Name
	host, err := state.TakeHost(p.engine.opts.StateDir, owner)
	var locked *state.LockedError
	if !errors.As(err, &locked) {
		return host, err
	}
	if !takeOver {
		var hint *sdk.HintError
		if errors.As(err, &hint) && locked.Owner.PID != 0 {
			return nil, sdk.Hint(locked, hint.Hint+
				". To watch it: clusterflow attach. To stop it and go on in its place: the same command with --take-over")
		}
		return nil, err
	}
	t := takeOverOf{base: p.engine.opts.StateDir, self: owner, other: locked.Owner}
	if !t.other.Here() {
		return nil, sdk.Hint(fmt.Errorf("take over: %w", locked), "It does not run on this host, or does not say who it is: stop it where it runs.")
	}
	p.engine.opts.Warn(takingOver(locked))
	return t.run(ctx)
}

func takingOver(e *state.LockedError) string {
	text := fmt.Sprintf("taking over: stopping %s of %s (pid %d)", e.Owner.Operation, e.Owner.Pipeline, e.Owner.PID)
	if len(e.Running) > 0 {
		text += ", which runs " + strings.Join(e.Running, ", ")
	}
	return text
}

// takeOverOf stops another run and takes its place.
type takeOverOf struct {
	base        string
	self, other state.Owner
}

// run asks the other run to stop in order, then at once, then kills it. What it
// did is in its record in any case.
func (t takeOverOf) run(ctx context.Context) (*state.Host, error) {
	process, err := os.FindProcess(t.other.PID) // a handle: signals cannot reach another process of this id
	if err != nil {
		return nil, fmt.Errorf("take over: find process %d: %w", t.other.PID, err)
	}
	defer func() { _ = process.Release() }()
	for _, step := range []struct {
		signal os.Signal
		wait   time.Duration
	}{
		{nil, 0}, // it may have ended; if it holds the lock still, the handle is its
		{syscall.SIGTERM, run.StopLimit + hurryTime},
		{syscall.SIGTERM, hurryTime},
		{syscall.SIGKILL, hurryTime},
	} {
		if step.signal != nil {
			if err := process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return nil, fmt.Errorf("take over: stop process %d: %w", t.other.PID, err)
			}
		}
		if host, err := t.await(ctx, step.wait); host != nil || err != nil {
			return host, err
		}
	}
	return nil, fmt.Errorf("take over: process %d does not end", t.other.PID)
}

// await tries to take the lock for some time. It gives nothing when the other run
// holds it still.
func (t takeOverOf) await(ctx context.Context, limit time.Duration) (*state.Host, error) {
	tick := time.NewTicker(takeOverPoll)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; {
		host, err := state.TakeHost(t.base, t.self)
		var locked *state.LockedError
		switch {
		case !errors.As(err, &locked):
			return host, err
		case locked.Owner.PID != 0 && (locked.Owner.PID != t.other.PID || !locked.Owner.Since.Equal(t.other.Since)):
			return nil, fmt.Errorf("take over: somebody else was faster: %w", err)
		case time.Now().After(end):
			return nil, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
