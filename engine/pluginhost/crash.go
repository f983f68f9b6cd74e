package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/clusterflow/clusterflow/sdk"
)

// deathDelay is how long the kernel may take to report the end of a process after
// its connection broke. Measured: below 1 ms.
const deathDelay = 500 * time.Millisecond

// CrashError reports that a plugin's process ended while it was needed.
type CrashError struct {
	Plugin string
	PID    int
	// Exit is how it ended: "exit status 2", "signal: killed".
	Exit string
	// Killed says that the engine ended it.
	Killed bool
	// Lines are the last lines that it printed, or the first ones of a Go panic; at
	// most 20.
	Lines []string
	// Err is what the call returned; for Apply and Undo it is sdk.ErrNoResult.
	Err error
}

// Error says which process ended how, but not what it printed.
func (e *CrashError) Error() string {
	if e.Killed {
		return fmt.Sprintf("plugin %q (pid %d) was killed by clusterflow", e.Plugin, e.PID)
	}
	return fmt.Sprintf("plugin %q (pid %d) ended unexpectedly: %s", e.Plugin, e.PID, e.Exit)
}

// Unwrap returns what the call returned.
func (e *CrashError) Unwrap() error { return e.Err }

// hint shows the last lines.
func (e *CrashError) hint() error {
	switch {
	case e.Killed:
		return e
	case len(e.Lines) == 0:
		return sdk.Hint(e, "It printed nothing before.")
	default:
		return sdk.Hint(e, "The last it printed:\n  "+strings.Join(e.Lines, "\n  "))
	}
}

// explain replaces the error of a call by a [CrashError] if the process is dead.
func (p *process) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && disconnected(err) {
		late := time.NewTimer(deathDelay)
		defer late.Stop()
		select {
		case <-p.child.ended:
		case <-late.C:
		case <-ctx.Done():
		}
	}
	var crash *CrashError
	if !p.dead() || errors.As(err, &crash) || !disconnected(err) && !errors.Is(err, sdk.ErrNoResult) {
		return err
	}
	return p.crash(err).hint()
}

// disconnected tells a call that the plugin did not answer from one that it did.
// Canceled is what gRPC says of a connection that was closed after the process
// ended, or of a cancelled call, which makes no difference then.
func disconnected(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.Canceled || errors.Is(err, io.EOF)
}

func (p *process) crash(err error) *CrashError {
	return &CrashError{
		Plugin: p.child.binary.Name, PID: p.child.pid(), Exit: p.child.exit(), Killed: p.child.wanted,
		Lines: p.tail.get(), Err: err,
	}
}

// withLines adds what the plugin printed to the reason why it cannot be used,
// which may have a hint of its own.
func (p *process) withLines(err error) error {
	printed := p.tail.get()
	if len(printed) == 0 {
		return err
	}
	text := "It printed:\n  " + strings.Join(printed, "\n  ")
	var hint *sdk.HintError
	if errors.As(err, &hint) {
		text = hint.Hint + "\n" + text
	}
	return sdk.Hint(err, text)
}
