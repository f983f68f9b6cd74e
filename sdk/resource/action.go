package resource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// builtinKinds are known to every phase.
func builtinKinds() []Kind {
	return []Kind{
		KindOf[File]("file"), KindOf[Dir]("directory"), KindOf[Process]("process"),
		{Name: "action"},
		{Name: "wait"},
	}
}

// Once is an action that is done once for given inputs: a check, a command. It
// leaves nothing to compare and nothing to remove.
type Once struct {
	Name string `json:"-"`
	// Done says that it need not run again: usually Input.Unchanged.
	Done bool `json:"-"`
	// Reason is shown in the plan.
	Reason string                          `json:"-"`
	Run    func(ctx context.Context) error `json:"-"`
}

var _ Resource = (*Once)(nil)

// ID is "action" and the name.
func (o *Once) ID() ID { return ID{Kind: "action", Target: o.Name} }

// Diff plans a run unless the action is done.
func (o *Once) Diff(context.Context) (sdk.Change, error) {
	if o.Done {
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpRun, Reason: o.Reason}, nil
}

// Render runs the action.
func (o *Once) Render(ctx context.Context) error { return o.Run(ctx) }

// Remove does nothing.
func (o *Once) Remove(context.Context) error { return nil }

const (
	probeOnceTimeout    = 3 * time.Second
	defaultProbeEvery   = 200 * time.Millisecond
	defaultProbeTimeout = 4 * time.Minute // kubeadm's wait for control-plane components
)

// Probe is a condition to wait for. It is met or not at any time, so its plan is
// empty while it holds.
type Probe struct {
	Name string `json:"-"` // what is waited for, such as "https://127.0.0.1:6443/livez"
	// Check returns nil once the condition holds, else why it does not yet. Its
	// context ends with the wait; one that can hang bounds each try by itself.
	Check func(ctx context.Context) error `json:"-"`
	// Every is the time between checks; zero means 200 ms.
	Every time.Duration `json:"-"`
	// Timeout bounds the wait; zero means 4 min.
	Timeout time.Duration `json:"-"`
	// Hint says what to do when the wait times out.
	Hint string `json:"-"`
}

var _ Resource = (*Probe)(nil)

// ID is "wait" and the name.
func (p *Probe) ID() ID { return ID{Kind: "wait", Target: p.Name} }

// Diff checks once, for a moment.
func (p *Probe) Diff(ctx context.Context) (sdk.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, probeOnceTimeout)
	defer cancel()
	if err := p.Check(ctx); err != nil {
		return sdk.Change{Op: sdk.OpRun, Reason: err.Error()}, nil
	}
	return sdk.Change{}, nil
}

// Render waits until the condition holds. An error that is [sdk.Permanent] ends
// the wait at once.
func (p *Probe) Render(ctx context.Context) error {
	return WaitFor(ctx, *p)
}

// Remove does nothing.
func (p *Probe) Remove(context.Context) error { return nil }

// WaitFor checks p until it holds, its timeout passes or ctx ends. The error
// tells the last answer.
func WaitFor(ctx context.Context, p Probe) error {
	timeout := durationOr(p.Timeout, defaultProbeTimeout)
	limit := fmt.Errorf("timed out after %s", timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, limit)
	defer cancel()
	tick := time.NewTicker(durationOr(p.Every, defaultProbeEvery))
	defer tick.Stop()
	var last error
	for {
		err := p.Check(ctx)
		var permanent *sdk.PermanentError
		switch {
		case err == nil:
			sdk.Emit(ctx, sdk.Progress{ID: p.Name, Label: p.Name, Done: true})
			return nil
		case errors.As(err, &permanent):
			return err
		case ctx.Err() == nil || last == nil:
			if last == nil || last.Error() != err.Error() {
				sdk.Emit(ctx, sdk.Progress{ID: p.Name, Label: err.Error()})
			}
			last = err
		}
		select {
		case <-ctx.Done():
			err := fmt.Errorf("%w; last answer: %w", context.Cause(ctx), last)
			if p.Hint == "" { // the answer may have a hint of its own
				return err
			}
			return sdk.Hint(err, p.Hint)
		case <-tick.C:
		}
	}
}

func durationOr(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}
