package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// cancelAnswer is how long a plugin may take to take note of a Cancel. One that
// takes longer is stuck as a whole and is killed.
const cancelAnswer = 2 * time.Second

// ErrInterrupted is the cause of a run's context when a person stopped it.
var ErrInterrupted = errors.New("interrupted")

// TimeoutError says that an attempt took longer than its phase allows.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("timed out after %s", e.After) }

// call runs Apply or Undo of a plugin. When ctx ends it asks the plugin to stop,
// gives it grace, then kills its process. A closed now cuts the grace short. The
// call has returned when this function does.
type call struct {
	lease Lease
	id    sdk.Ident
	grace time.Duration
	now   <-chan struct{}
	do    func(ctx context.Context) (sdk.Result, error)
}

func (c call) run(ctx context.Context) (sdk.Result, error) {
	type answer struct {
		result sdk.Result
		err    error
	}
	done := make(chan answer, 1)
	bare := context.WithoutCancel(ctx) // the plugin is told by Cancel, not by a broken connection
	go func() {
		result, err := c.do(bare)
		done <- answer{result, err}
	}()
	select {
	case a := <-done:
		return a.result, a.err
	case <-ctx.Done():
	}
	killed := c.stop(bare, context.Cause(ctx).Error())
	defer killed.Stop()
	select {
	case a := <-done:
		return a.result, a.err
	case <-killed.C:
	case <-c.now:
	}
	c.lease.Kill()
	a := <-done
	if a.err != nil {
		return a.result, fmt.Errorf("%w: it did not stop within %s and was killed", a.err, c.grace)
	}
	return a.result, nil
}

// stop asks the plugin to cancel and returns the timer of its grace.
func (c call) stop(ctx context.Context, reason string) *time.Timer {
	ctx, cancel := context.WithTimeout(ctx, min(c.grace, cancelAnswer))
	defer cancel()
	timer := time.NewTimer(c.grace)
	if _, err := c.lease.Client.Cancel(ctx, c.id, reason); err != nil {
		timer.Reset(0) // it cannot be asked
	}
	return timer
}
