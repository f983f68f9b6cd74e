package pluginhost

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/clusterflow/clusterflow/sdk"
)

// healthTime is how long a plugin may take to say that it is well: 2 s, a hundred
// times what a busy machine needs.
const healthTime = 2 * time.Second

// Lease is the use of a running plugin until Release.
type Lease struct {
	// Client calls the plugin. When the process dies, the calls under way return a
	// [CrashError] that wraps what they would have returned; for Apply and Undo that
	// is sdk.ErrNoResult. Later calls fail alike: take a new lease.
	Client sdk.Client

	host     *Host
	process  *process
	isolated bool
}

// Client returns a client of a plugin. All leases of a plugin share one process,
// which is started with the first one and again with the next one after it died.
// An isolated one has a process of its own, which ends with the lease.
//
// The plugin is configured and described. When ctx is done before it is ready,
// the call returns; a shared process goes on starting for others.
func (h *Host) Client(ctx context.Context, ref Ref, isolated bool) (Lease, error) {
	b, err := h.Find(ref)
	if err != nil {
		return Lease{}, err
	}
	p, err := h.obtain(ctx, b, isolated)
	if err != nil {
		return Lease{}, err
	}
	select {
	case <-p.started:
	case <-ctx.Done():
		return Lease{}, fmt.Errorf("start plugin %q: %w", b.Name, context.Cause(ctx))
	}
	if p.failure != nil {
		return Lease{}, p.failure
	}
	return Lease{Client: p.rpc, host: h, process: p, isolated: isolated}, nil
}

// Start starts the process that leases of a plugin share, unless it runs, and does
// not wait for it. The first [Host.Client] says what went wrong with it.
func (h *Host) Start(ctx context.Context, ref Ref) error {
	b, err := h.Find(ref)
	if err == nil {
		_, err = h.obtain(ctx, b, false)
	}
	return err
}

func (h *Host) obtain(ctx context.Context, b *Binary, isolated bool) (*process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if isolated {
		return h.run(ctx, b)
	}
	k := key{b.Digest, b.Name}
	if p := h.shared[k]; p != nil && !p.dead() && !h.closed {
		return p, nil
	}
	p, err := h.run(context.WithoutCancel(ctx), b)
	if err == nil {
		h.shared[k] = p
	}
	return p, err
}

// Release ends the lease. An isolated process is asked to exit and killed after
// Options.StopGrace; Release returns when it has ended.
func (l Lease) Release() {
	if l.isolated {
		_ = l.process.end(nil, l.host.opts.StopGrace)
	}
}

// Kill kills the process and its group at once, for everyone who shares it.
func (l Lease) Kill() { l.process.child.kill() }

// PID is the process id.
func (l Lease) PID() int { return l.process.child.pid() }

// Died is closed when the process has ended.
func (l Lease) Died() <-chan struct{} { return l.process.child.ended }

// Diagnosis says how the process ended, and is nil while it runs.
func (l Lease) Diagnosis() *CrashError {
	if !l.process.dead() {
		return nil
	}
	return l.process.crash(nil)
}

// Health asks the plugin whether it serves, and waits at most 2 s for the answer.
// A plugin that is only busy answers.
func (l Lease) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(l.process.conn).
		Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	switch {
	case err != nil:
		return fmt.Errorf("check health of plugin %q: %w", l.process.child.binary.Name, l.process.explain(ctx, err))
	case answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return fmt.Errorf("check health of plugin %q: it says %s", l.process.child.binary.Name, answer.GetStatus())
	}
	return nil
}
