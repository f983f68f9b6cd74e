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
// may be gone by then, and in a process of its own. What is left then stays
// recorded, and the run counts as degraded.
func Undo(ctx context.Context, addresses []string, opts Options) (Result, error) {
	opts = opts.withDefaults()
	l := newLoop(event.OperationUndo, opts, undoSpec(addresses, opts))
	l.newWorker = func(id int) worker {
		u := &undoer{address: l.spec.Nodes[id].Name, opts: opts, node: l.prior(id), attempt: 1}
		if !l.hold {
			u.attempt = 2
		}
		return u
	}
	began := l.begin()
	l.hold = true
	l.run(ctx)
	l.hold = false
	l.again(ctx, addresses)
	return l.end(ctx, began), l.journal.broken
}

// again is the second pass of an undo.
func (l *loop) again(ctx context.Context, addresses []string) {
	var failed []string
	for _, a := range addresses {
		if e := l.held[a]; e != nil && l.stopped {
			l.report(e)
		} else if e != nil {
			failed = append(failed, a)
		}
	}
	if len(failed) > 0 {
		l.restart(undoSpec(failed, l.opts))
		l.run(ctx)
	}
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
	attempt int // 2 in the second pass

	stored, called bool // its start is in the journal, its plugin was called
	made           atomic.Int64
}

var _ worker = (*undoer)(nil)

func (u *undoer) run(ctx context.Context, box *mailbox) ending {
	began := u.opts.Clock()
	result, err := u.undo(ctx, box)
	e := ending{body: event.NodeEnded{
		Node: u.address, Type: u.node.Type, Attempt: u.attempt, Changes: int(u.made.Load()),
		Duration: event.Duration(u.opts.Clock().Sub(began)),
	}}
	now := u.opts.Clock().UTC()
	switch {
	case err == nil && result.Status == sdk.StatusOK:
		e.body.Status = event.Succeeded
		e.records = []state.Record{state.NodeUndone{Address: u.address, Time: now}}
		return e
	case errors.Is(err, sdk.ErrNoResult):
		e.body.Status = event.Unknown
	case err != nil && box.stopped(ctx), result.Status == sdk.StatusCancelled:
		e.body.Status = event.Cancelled
	default:
		e.body.Status = event.Failed
	}
	u.fail(ctx, &e, result, err)
	return e
}

// fail adds to the end of an undo that did not work why, and what is left.
func (u *undoer) fail(ctx context.Context, e *ending, result sdk.Result, err error) {
	if err == nil {
		err = result.Diagnostics
	}
	if e.body.Status != event.Cancelled || u.called {
		e.body.Problem = plan.Problem(err)
	}
	if u.attempt > 1 && e.body.Status != event.Cancelled {
		e.body.Leftovers = u.leftovers(ctx, result.Private)
	}
	if u.stored {
		e.records = []state.Record{state.NodeEnd{
			Address: u.address, Status: e.body.Status, Private: result.Private, Problem: e.body.Problem,
			Leftovers: e.body.Leftovers, Time: u.opts.Clock().UTC(),
		}}
	}
}

// undo calls the plugin.
func (u *undoer) undo(ctx context.Context, box *mailbox) (result sdk.Result, err error) {
	lease, err := u.opts.Launcher.Launch(ctx, u.node.Plugin.Name, u.attempt > 1)
	if err != nil {
		return result, err
	}
	defer lease.Release()
	typ, err := u.typ(ctx, lease.Client)
	if err != nil {
		return result, err
	}
	private, err := plan.Upgraded(ctx, lease.Client, typ, u.node)
	if err != nil {
		return result, fmt.Errorf("undo %s: read its record: %w", u.address, err)
	}
	u.stored, err = box.begin(ctx, message{records: []state.Record{
		state.UndoStart{Address: u.address, Attempt: u.attempt, Time: u.opts.Clock().UTC()},
	}})
	if err != nil {
		return result, err
	}
	u.called = true
	box.say(message{events: []event.Body{event.NodeStarted{Node: u.address, Type: u.node.Type, Attempt: u.attempt}}})
	id := sdk.Ident{Run: u.opts.ID, Node: u.address, Attempt: u.attempt}
	result, err = call{
		lease: lease, id: id, grace: typ.CancelGrace, now: u.opts.Now,
		do: func(ctx context.Context) (sdk.Result, error) {
			req := sdk.UndoRequest{ID: id, Type: typ.Name, Private: private}
			return lease.Client.Undo(ctx, req, func(e sdk.Event) {
				if _, ok := e.(sdk.ChangeDone); ok {
					u.made.Add(1)
				}
				box.forward(ctx, e)
			})
		},
	}.run(ctx)
	box.warn(result.Diagnostics)
	return result, err
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
