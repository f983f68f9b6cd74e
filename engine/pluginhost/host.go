// Package pluginhost finds, starts and ends plugins. It is the only package of
// the engine that knows processes and go-plugin.
//
// A [Host] serves one run of the engine. It opens and hashes the file of each
// plugin once ([Host.Find]), learns its schemas from a cache where it can
// ([Host.Describe]) and hands out clients of running processes ([Host.Client]).
// What it guarantees of a process:
//
//   - What runs is what was hashed.
//   - It ends with the host, also when the engine is killed, and its group of
//     processes with it. A descendant that made a session of its own has left the
//     group on purpose, and lives on.
//   - It gets no signal from the terminal: only the engine talks to it.
//   - Whatever it prints, it neither blocks nor harms the engine.
//   - It sees of the engine's environment PATH, HOME, USER, LANG, TZ, TMPDIR, XDG_*,
//     SSL_CERT_* and the *_proxy variables, and nothing else.
//   - When it dies during a call, the error says how, and what it printed last.
//
// The package knows nothing of pipelines, phases, events or state. It restarts a
// dead plugin for the next caller, ten times at most, but never repeats a call. When to cancel, how
// long to wait and whether to kill is for its callers to decide.
package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/clusterflow/clusterflow/sdk"
)

// maxCrashes is how often a plugin may end by itself before it is not started any
// more: each phase may cost one process, and one more to find the culprit.
const maxCrashes = 10

var (
	// ErrClosed reports the use of a closed host.
	ErrClosed = errors.New("plugin host is closed")
	// ErrCrashes means that a plugin crashed too often to be started again.
	ErrCrashes = errors.New("it crashed too often")
)

// Host finds and runs plugins. It is safe for concurrent use.
type Host struct {
	opts    Options
	library library

	mu        sync.Mutex
	closed    bool
	place     *place                // made with the first process
	shared    map[key]*process      // the newest of each
	processes map[*process]struct{} // all that are not cleaned up
	described map[key]sdk.Description
	crashes   map[key]int
	elsewhere map[Ref]bool // known from Options.Shipped alone
	watchers  sync.WaitGroup

	logging sync.Mutex
	silent  bool // the caller's Log must not be called any more
}

// key names a shared process: one multi-call binary may hold several plugins.
type key struct{ digest, name string }

// place is what processes need, and graph or validate do not.
type place struct {
	dir     *runDir
	spawner *spawner
}

// New returns a host. It does nothing until it is asked; Close ends it.
func New(opts Options) (*Host, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Host{
		opts:      opts,
		library:   library{digests: digests{opts.CacheDir}},
		shared:    map[key]*process{},
		processes: map[*process]struct{}{},
		described: map[key]sdk.Description{},
		crashes:   map[key]int{},
		elsewhere: map[Ref]bool{},
	}, nil
}

// Close ends all plugins: it asks them to exit, kills them after
// Options.StopGrace or when ctx is done, and removes their sockets. Calls that
// still run fail with a [CrashError]. The host is of no use afterwards; closing it
// again does nothing.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	errs := make(chan error, len(h.processes))
	for p := range h.processes {
		go func() { errs <- p.end(ctx.Done(), h.opts.StopGrace) }()
	}
	h.mu.Unlock()
	var all error
	for range cap(errs) {
		all = errors.Join(all, <-errs)
	}
	if all == nil { // else a process hangs in the kernel, and its watcher with it
		h.watchers.Wait()
	}
	h.logging.Lock()
	h.silent = true
	h.logging.Unlock()
	return errors.Join(all, h.library.close(), h.closePlace(all == nil))
}

func (h *Host) closePlace(idle bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.place == nil {
		sweepAll(h.opts.RunDir)
		return nil
	}
	if idle {
		h.place.spawner.close()
	}
	return h.place.dir.close()
}

// run registers a new process and starts it in the background. The caller holds
// the lock.
func (h *Host) run(ctx context.Context, b *Binary) (*process, error) {
	if h.closed {
		return nil, ErrClosed
	}
	if n := h.crashes[key{b.Digest, b.Name}]; n >= maxCrashes {
		return nil, sdk.Hint(fmt.Errorf("start plugin %q: %w: %d times", b.Name, ErrCrashes, n),
			"This is a defect of the plugin, or of the host that it runs on. Its first crash says more.")
	}
	if h.place == nil {
		dir, err := openRunDir(h.opts.RunDir)
		if err != nil {
			return nil, err
		}
		h.place = &place{dir: dir, spawner: newSpawner()}
	}
	p := h.newProcess(b, h.place)
	h.processes[p] = struct{}{}
	h.watchers.Go(func() {
		if p.start(ctx, h.opts); p.failure == nil {
			h.keep(key{b.Digest, b.Name}, p.description)
		}
	})
	h.watchers.Go(func() { h.watch(p) })
	return p, nil
}

// watch cleans up after a process has ended.
func (h *Host) watch(p *process) {
	if err := p.clean(); err != nil {
		h.log(Line{Plugin: p.child.binary.Name, PID: p.child.pid(), Log: sdk.Log{Level: "warn", Message: err.Error()}})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.processes, p)
	if !p.child.wanted && !p.closing.Load() {
		h.crashes[key{p.child.binary.Digest, p.child.binary.Name}]++
	}
}

func (h *Host) log(line Line) {
	h.logging.Lock()
	defer h.logging.Unlock()
	if !h.silent {
		h.opts.Log(line)
	}
}
