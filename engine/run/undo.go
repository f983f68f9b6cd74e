package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// Undo removes what earlier runs recorded of the given phases, in that order as
// far as they depend on each other. It goes on after a failure. A phase whose undo
// failed is tried once more when all others are done, for what stood in its way
// may be gone by then.
func Undo(ctx context.Context, addresses []string, opts Options) (Result, error) {
	opts = opts.withDefaults()
	started := opts.Clock()
	l := newLoop(opts, undoSpec(addresses, opts))
	l.newWorker = func(id int) worker {
		return &undoer{address: l.spec.Nodes[id].Name, opts: opts, node: l.prior(id)}
	}
	var failed []string
	l.again = func(id int, e *ending) bool {
		failed = append(failed, l.spec.Nodes[id].Name)
		return ctx.Err() == nil
	}
	if err := l.begin(event.OperationUndo); err != nil {
		return Result{Status: event.RunFailed}, err
	}
	l.run(ctx)
	if len(failed) > 0 && ctx.Err() == nil {
		l.again = nil
		l.restart(undoSpec(failed, opts))
		l.run(ctx)
	}
	return l.end(started, errors.Is(context.Cause(ctx), ErrInterrupted)), l.broken
}

// undoSpec turns the recorded dependencies round: what came first goes last.
func undoSpec(addresses []string, opts Options) Spec {
	index := make(map[string]int, len(addresses))
	for i, a := range addresses {
		index[a] = i
	}
	spec := Spec{Slots: opts.Parallelism, Edges: make([][]Edge, len(addresses))}
	for i, a := range addresses {
		spec.Nodes = append(spec.Nodes, NodeSpec{Name: a, Weight: float64(len(addresses) - i)})
		for _, dep := range opts.Store.State().Nodes[a].Depends {
			if to, ok := index[dep]; ok && to > i { // older records may disagree about the order
				spec.Edges[to] = append(spec.Edges[to], Edge{To: int32(i), Kind: EdgeStatus})
			}
		}
	}
	return spec
}

// undoer is the worker of one phase in an undo.
type undoer struct {
	address string
	opts    Options
	node    *state.Node
}

var _ worker = (*undoer)(nil)

func (u *undoer) run(ctx context.Context, box *mailbox) ending {
	began := u.opts.Clock()
	result, made, err := u.undo(ctx, box)
	e := ending{body: event.NodeEnded{
		Node: u.address, Type: u.node.Type, Status: event.Succeeded, Attempt: 1, Changes: made,
		Duration: event.Duration(u.opts.Clock().Sub(began)),
	}}
	now := u.opts.Clock().UTC()
	if err == nil && result.Status == sdk.StatusOK {
		e.records = []state.Record{state.NodeUndone{Address: u.address, Time: now}}
		return e
	}
	e.body.Status, e.body.Problem = event.Failed, plan.Problem(errors.Join(err, asError(result.Diagnostics)))
	switch {
	case errors.Is(err, sdk.ErrNoResult):
		e.body.Status = event.Unknown
	case result.Status == sdk.StatusCancelled:
		e.body.Status = event.Cancelled
	}
	e.records = []state.Record{state.NodeEnd{
		Address: u.address, Status: e.body.Status, Private: result.Private, Problem: e.body.Problem, Time: now,
	}}
	return e
}

// undo calls the plugin and counts what it removed.
func (u *undoer) undo(ctx context.Context, box *mailbox) (sdk.Result, int, error) {
	lease, err := u.opts.Launcher.Launch(ctx, u.node.Plugin.Name, false)
	if err != nil {
		return sdk.Result{}, 0, err
	}
	defer lease.Release()
	typ, err := u.typ(ctx, lease.Client)
	if err != nil {
		return sdk.Result{}, 0, err
	}
	err = box.begin(ctx, nil, state.UndoStart{Address: u.address, Attempt: 1, Time: u.opts.Clock().UTC()},
		event.NodeStarted{Node: u.address, Type: u.node.Type, Attempt: 1})
	if err != nil {
		return sdk.Result{}, 0, err
	}
	id := sdk.Ident{Run: u.opts.ID, Node: u.address, Attempt: 1}
	var made atomic.Int64
	result, err := call{
		lease: lease, id: id, grace: typ.CancelGrace, now: u.opts.Now,
		do: func(ctx context.Context) (sdk.Result, error) {
			req := sdk.UndoRequest{ID: id, Type: typ.Name, Private: u.node.Private}
			return lease.Client.Undo(ctx, req, func(e sdk.Event) {
				if _, ok := e.(sdk.ChangeDone); ok {
					made.Add(1)
				}
				box.forward(e)
			})
		},
	}.run(ctx)
	return result, int(made.Load()), err
}

// typ is the schema of the phase's type in the plugin that is there now.
func (u *undoer) typ(ctx context.Context, client sdk.Client) (sdk.TypeDescription, error) {
	desc, err := client.Describe(ctx)
	if err != nil {
		return sdk.TypeDescription{}, fmt.Errorf("describe plugin %q: %w", u.node.Plugin.Name, err)
	}
	_, name, _ := strings.Cut(u.node.Type, ".")
	typ, ok := desc.Type(name)
	if !ok {
		err := fmt.Errorf("undo %s: plugin %q %s has no type %q", u.address, desc.Name, desc.Version, name)
		return typ, sdk.Hint(err, "Use the plugin that made it, of version "+u.node.Plugin.Version+".")
	}
	return typ, nil
}

func asError(diags sdk.Diagnostics) error {
	if diags.HasErrors() {
		return diags
	}
	return nil
}
