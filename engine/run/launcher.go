package run

import (
	"context"

	"github.com/clusterflow/clusterflow/sdk"
)

// Launcher starts the plugin behind a phase. Package run needs one method of the
// plugin host, so it asks for one.
type Launcher interface {
	// Launch returns a plugin that is ready to be called. The caller must Release
	// it. An isolated one is a process of its own.
	Launch(ctx context.Context, plugin string, isolated bool) (Lease, error)
}

// Lease is the use of a plugin process.
type Lease struct {
	Client sdk.Client
	// Kill ends the process and its children. When others share it, it first waits
	// until they are done, or until hurry is closed.
	Kill func(hurry <-chan struct{})
	// Release ends the use.
	Release func()
}
