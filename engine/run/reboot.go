package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/clusterflow/clusterflow/sdk"
)

// Resumption lets a run go on after the host has booted anew.
type Resumption interface {
	// Arm sees to it that the run goes on after the next boot. The error says why it
	// cannot.
	Arm(ctx context.Context) error
	// Disarm takes that back. It does nothing if it was not armed.
	Disarm(ctx context.Context) error
	// GoesDown reports that the host is about to boot, or cannot tell any more.
	GoesDown(ctx context.Context) bool
}

// exclusive is a worker that wants to be alone, because it boots the host.
type exclusive struct {
	id      int
	granted chan struct{}
}

// beAlone waits until no other phase runs, and has the run go on after a boot. It
// is called before a phase is begun that boots the host.
func (a *applier) beAlone(ctx context.Context, box *mailbox) error {
	if a.opts.Resumption == nil {
		return sdk.Permanent(errors.New("go on after a boot: nothing here can do that"))
	}
	granted := make(chan struct{})
	box.say(message{alone: granted})
	select {
	case <-granted:
	case <-box.stopping:
		return errStopped
	case <-ctx.Done():
		return fmt.Errorf("wait for other phases: %w", context.Cause(ctx))
	}
	if err := a.opts.Resumption.Arm(ctx); err != nil {
		return sdk.Permanent(err)
	}
	return nil
}

// goesDown reports that a phase that boots the host was stopped by just that: not by
// a person, or by a run that takes over, after whom nobody wants to go on.
func (a *applier) goesDown(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), ErrTerminated) && a.opts.Resumption.GoesDown(context.WithoutCancel(ctx))
}

// grant lets the first worker that wants to be alone go on, when all others that
// run want that, too.
func (l *loop) grant() {
	if len(l.exclusive) == 0 || l.sched.Running() > len(l.exclusive) {
		return
	}
	if first := l.exclusive[0]; !closedSignal(first.granted) {
		close(first.granted)
	}
}

func closedSignal(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// notAlone ends the wish of a worker to be alone.
func (l *loop) notAlone(id int) {
	for i, e := range l.exclusive {
		if e.id == id {
			l.exclusive = append(l.exclusive[:i:i], l.exclusive[i+1:]...)
			return
		}
	}
}
