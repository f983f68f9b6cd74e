package run

import (
	"context"
	"runtime"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

// parallelism is how many phases may run at once for each CPU by default. Most of
// them wait for the network, a disk or a process that starts.
const parallelism = 5

// Options configure a run.
type Options struct {
	// ID names the run. Required.
	ID string
	// Pipeline, Path and Engine are recorded with the run, see [state.Run].
	Pipeline, Path, Engine string
	// Parallelism is how many phases may run at once. Zero means five for each CPU.
	Parallelism int
	// FailFast stops starting phases after the first failure.
	FailFast bool
	// Now, when it is closed, cuts short the grace of plugins that were asked to
	// stop. May be nil.
	Now <-chan struct{}
	// Sink gets every event. Required.
	Sink event.Sink
	// Store is the open state. The run owns it until it returns. Required.
	Store *state.Store
	// Launcher gives access to plugins. Required.
	Launcher Launcher
	// Resumption lets the run go on after a phase that boots the host. Without it such
	// a phase fails.
	Resumption Resumption
	// Clock dates events and records. Nil means time.Now.
	Clock func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Parallelism <= 0 {
		o.Parallelism = parallelism * runtime.GOMAXPROCS(0)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// Result is how a run ended.
type Result struct {
	Status event.RunStatus
	Counts map[event.Status]int
	// Rebooting says that the run ended because the host is about to boot; it will go
	// on after that.
	Rebooting bool
}

// StateError says that what a run did could not be stored, so that it stopped.
// The run has reported it.
type StateError struct{ Err error }

func (e *StateError) Error() string { return "store state: " + e.Err.Error() }
func (e *StateError) Unwrap() error { return e.Err }

// worker is one phase at work. It runs in a goroutine of its own and touches
// nothing that is not its own; it tells the loop through its mailbox.
type worker interface {
	run(ctx context.Context, box *mailbox) ending
}

// ending is how a worker's phase ended.
type ending struct {
	body    event.NodeEnded
	records []state.Record
	reboots bool // the host goes down: what comes after is for the next run
	// outputs and secrets are kept in memory for the phases that come after.
	outcome outcome
}
