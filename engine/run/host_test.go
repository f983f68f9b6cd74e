package run

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/sdk"
)

// host runs the plugin of a world in memory, as if in processes.
type host struct {
	w *world

	mu     sync.Mutex
	desc   sdk.Description
	shared *process
}

// Client, Type, Function and Digest make it plan.Plugins and expand.Schemas.
func (h *host) Client(context.Context, string) (sdk.Client, error) { return h.process(false), nil }

func (h *host) Type(plugin, typ string) (sdk.TypeDescription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.desc.Name == "" {
		h.desc, _ = sdk.Direct(h.w.spec()).Describe(context.Background()) // never fails
	}
	if t, ok := h.desc.Type(typ); ok && plugin == "t" {
		return t, nil
	}
	return sdk.TypeDescription{}, &expand.NotFoundError{Plugin: plugin, Type: typ}
}

func (h *host) Function(plugin, name string) (sdk.Function, error) {
	return sdk.Function{}, &expand.NotFoundError{Plugin: plugin, Function: name}
}

func (h *host) Digest(string) string { return h.w.digest }

// Launch implements [Launcher].
func (h *host) Launch(ctx context.Context, plugin string, isolated bool) (Lease, error) {
	if plugin != "t" {
		return Lease{}, fmt.Errorf("find plugin %q: gone", plugin)
	}
	if err := context.Cause(ctx); err != nil {
		return Lease{}, err
	}
	p := h.process(isolated)
	return Lease{Client: p, Kill: func(<-chan struct{}) { p.kill() }, Release: func() {}}, nil
}

func (h *host) process(isolated bool) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !isolated && h.shared != nil && !h.shared.isDead() {
		return h.shared
	}
	p := &process{Client: sdk.Direct(h.w.spec()), dead: make(chan struct{})}
	p.kill = sync.OnceFunc(func() { close(p.dead) })
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if isolated {
		h.w.isolated++
	} else {
		h.w.processes++
		h.shared = p
	}
	return p
}

// process is a plugin process that can die.
type process struct {
	sdk.Client
	dead chan struct{}
	kill func()
}

type deadKey struct{}

func (p *process) isDead() bool { return closed(p.dead) }

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (p *process) Apply(ctx context.Context, req sdk.ApplyRequest, emit func(sdk.Event)) (sdk.Result, error) {
	return p.call(ctx, emit, func(ctx context.Context, emit func(sdk.Event)) (sdk.Result, error) {
		return p.Client.Apply(ctx, req, emit)
	})
}

func (p *process) Undo(ctx context.Context, req sdk.UndoRequest, emit func(sdk.Event)) (sdk.Result, error) {
	return p.call(ctx, emit, func(ctx context.Context, emit func(sdk.Event)) (sdk.Result, error) {
		return p.Client.Undo(ctx, req, emit)
	})
}

func (p *process) call(
	ctx context.Context, emit func(sdk.Event), do func(context.Context, func(sdk.Event)) (sdk.Result, error),
) (sdk.Result, error) {
	ctx = context.WithValue(ctx, deadKey{}, p.dead)
	result, err := do(ctx, emit)
	if strings.HasSuffix(result.Diagnostics.Error(), errCrash.Error()) {
		p.kill()
	}
	if p.isDead() {
		return sdk.Result{}, fmt.Errorf("the process died: %w", sdk.ErrNoResult)
	}
	return result, err
}
