package pluginhost

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// Options configures a [Host]. The zero value finds only plugins that a [Ref]
// names by path.
type Options struct {
	// Dirs are searched in order for files named clusterflow-plugin-NAME. Those
	// that do not exist are skipped.
	Dirs []string
	// RunDir holds the sockets of running plugins, in a directory of this host's
	// own with mode 0700. It is made if it does not exist and must be writable by
	// this user alone. Empty means clusterflow under $XDG_RUNTIME_DIR, else
	// /run/clusterflow where it can be made, else clusterflow-UID under the
	// directory for temporary files. Its path may have 53 bytes, for those of the
	// sockets in it have a limit.
	RunDir string
	// CacheDir keeps descriptions and digests between runs. Empty means no cache.
	CacheDir string
	// EngineVersion is told to plugins.
	EngineVersion string
	// Shipped describes plugins that need not be here, by name: for a system on
	// which they cannot run, see [Host.Elsewhere].
	Shipped map[string]sdk.Description
	// Log gets every line that a plugin printed by itself, outside of the events of
	// a call. Calls come one at a time and must not block. Nil drops the lines,
	// except for the last ones, which a [CrashError] shows.
	Log func(Line)
	// StartTimeout is how long a plugin may take from its start until it described
	// itself. Zero means 10 s: a plugin takes about 5 ms on an idle machine.
	StartTimeout time.Duration
	// StopGrace is how long a plugin may take to exit after its standard input was
	// closed, before it is killed. Zero means 500 ms. Calls should have ended
	// before; a plugin made with package sdk exits at once.
	StopGrace time.Duration
	// Environ is where the variables that plugins may see are taken from. Nil means
	// the environment of this process. Which ones they are is fixed, see [Host].
	Environ []string
}

// Line is something that a plugin printed outside of the events of a call.
type Line struct {
	Plugin string // its name
	PID    int
	sdk.Log
}

func (o Options) withDefaults() (Options, error) {
	if o.StartTimeout < 0 || o.StopGrace < 0 {
		return o, fmt.Errorf("plugin host options: negative time in %v, %v", o.StartTimeout, o.StopGrace)
	}
	o.StartTimeout = cmp.Or(o.StartTimeout, 10*time.Second)
	o.StopGrace = cmp.Or(o.StopGrace, 500*time.Millisecond)
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Log == nil {
		o.Log = func(Line) {}
	}
	return o, nil
}
