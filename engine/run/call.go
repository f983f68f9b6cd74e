package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// cancelAnswer is how long a plugin may take to take note of a Cancel. One that
	// takes longer is stuck as a whole and is killed.
	cancelAnswer = 2 * time.Second
	// cancelAgain is the pause before a Cancel is repeated that came before the call
	// it was meant for.
	cancelAgain = 20 * time.Millisecond
	// StopLimit is how long a run may take to end in order when the system asks it to:
	// then it ends at once. With the time that this takes it is less than the 90 s
	// that systemd waits by default.
	StopLimit = 70 * time.Second
	// killTime is how long a call may take to break after its process was killed.
	killTime = 5 * time.Second
)

// ErrInterrupted is the cause of a run's context when a person stopped it.
var ErrInterrupted = errors.New("interrupted")

// ErrTerminated is that cause when it was not a person at a terminal: another
// program, or the host, which goes down.
var ErrTerminated = fmt.Errorf("%w", ErrInterrupted)

// TimeoutError says that an attempt took longer than its phase allows.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("timed out after %s", e.After) }

// call runs Apply or Undo of a plugin. When ctx ends it asks the plugin to stop,
// gives it grace, then kills its process, as soon as that harms no other phase. A
// closed now cuts all this short. The call has returned when this function does.
type call struct {
	lease Lease
	id    sdk.Ident
	grace time.Duration
	now   <-chan struct{}
	do    func(ctx context.Context) (sdk.Result, error)
}

type answer struct {
	result sdk.Result
	err    error
}

func (c call) run(ctx context.Context) (sdk.Result, error) {
	// The plugin is told by Cancel, not by a broken connection.
	bare, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	done := make(chan answer, 1)
	go func() {
		result, err := c.do(bare)
		done <- answer{result, err}
	}()
	select {
	case a := <-done:
		return a.result, a.err
	case <-ctx.Done():
	}
	reason := context.Cause(ctx).Error()
	a, how := c.stop(bare, reason, done)
	switch how {
	case endedByItself:
		return a.result, a.err
	case deaf: // as a whole: nobody who shares the process gets an answer any more
		hurry := make(chan struct{})
		close(hurry)
		c.lease.Kill(hurry)
	case deliberate:
		c.lease.Kill(c.now)
	}
	late := time.AfterFunc(killTime, abandon) // a process that hangs in the kernel does not die
	defer late.Stop()
	a = <-done
	if a.err != nil {
		a.err = fmt.Errorf("%s, and did not stop when asked to: %w", reason, a.err)
	}
	return a.result, a.err
}

// stopping is how a call took it that it was asked to end.
type stopping int

const (
	endedByItself stopping = iota
	deaf                   // the plugin does not answer
	deliberate             // the plugin answers, but the call goes on
)

// stop asks the plugin to end the call and waits for that as long as it may take.
func (c call) stop(ctx context.Context, reason string, done <-chan answer) (answer, stopping) {
	ctx, cancel := context.WithTimeout(ctx, c.grace)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	stuck := make(chan struct{})
	asking.Go(func() {
		if !c.cancel(ctx, reason) {
			close(stuck)
		}
	})
	select {
	case a := <-done:
		return a, endedByItself
	case <-stuck:
		return answer{}, deaf
	case <-ctx.Done():
	case <-c.now:
	}
	return answer{}, deliberate
}

// cancel returns when the plugin has taken note of the Cancel. A plugin that does
// not know the call yet, for both are on their way to it, is told again.
func (c call) cancel(ctx context.Context, reason string) bool {
	tick := time.NewTicker(cancelAgain)
	defer tick.Stop()
	for {
		once, done := context.WithTimeout(ctx, cancelAnswer)
		known, err := c.lease.Client.Cancel(once, c.id, reason)
		done()
		if known || err != nil {
			return err == nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
