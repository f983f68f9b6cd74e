package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	defaultStopTimeout = 30 * time.Second
	killWait           = 5 * time.Second // after SIGKILL
	goneEvery          = 10 * time.Millisecond
)

// stop ends one process: SIGTERM, a wait, SIGKILL, another wait.
func stop(ctx context.Context, s Started, grace time.Duration) error {
	process, err := os.FindProcess(s.PID) // on Linux a pidfd: it stays with this process
	if err != nil {
		return fmt.Errorf("find process %d: %w", s.PID, err)
	}
	defer func() { _ = process.Release() }()
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, killWait}}
	for _, step := range steps {
		if !s.runs() {
			return nil
		}
		err := process.Signal(step.signal)
		switch {
		case errors.Is(err, os.ErrProcessDone):
			return nil
		case errors.Is(err, fs.ErrPermission):
			return sdk.Hint(fmt.Errorf("stop process %d: %w", s.PID, err), "Apply as the user who started it, or as root.")
		case err != nil:
			return fmt.Errorf("stop process %d: %w", s.PID, err)
		}
		if gone, err := s.waitGone(ctx, step.wait); gone || err != nil {
			return err
		}
		zerolog.Ctx(ctx).Warn().Int("pid", s.PID).Msgf("still there %s after %s", step.wait, step.signal)
	}
	return sdk.Hint(fmt.Errorf("stop process %d: it survived SIGKILL for %s", s.PID, killWait),
		"It hangs in the kernel, usually on a disk or a network file system. Mend that, or restart the host.")
}

// runs reports whether the very process that was started still lives.
func (s Started) runs() bool {
	ticks, err := startTicks(s.PID)
	return err == nil && ticks == s.Ticks
}

// waitGone waits until the process is gone. The error is that of ctx.
func (s Started) waitGone(ctx context.Context, limit time.Duration) (gone bool, err error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for s.runs() {
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("wait for process %d to end: %w", s.PID, context.Cause(ctx))
		case <-timeout.C:
			return false, nil
		case <-tick.C:
		}
	}
	return true, nil
}
