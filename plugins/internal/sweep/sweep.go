// Package sweep makes resources of things that shall be gone from a host. A plan
// shows each of them, and one that cannot be removed does not keep the others.
//
// What is to go is found by the phase, in Build; the package removes nothing by
// itself and looks for nothing.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Thing is there and shall go.
type Thing struct {
	Kind   string // "mount"
	Target string // "/var/lib/kubelet/pods/…"
	Reason string // what else is to be known of it; may be empty
	// Disruptive says that something ends that works.
	Disruptive bool
	// Remove takes it away; that it is gone already is no error.
	Remove func(ctx context.Context) error
}

// Resources are the things, removed in their order. When all had their turn, those
// that could not be removed fail the phase.
func Resources(things []Thing) []resource.Resource {
	if len(things) == 0 {
		return nil
	}
	left := &leftovers{}
	out := make([]resource.Resource, 0, len(things)+1)
	seen := map[string]int{}
	for _, thing := range things {
		name := thing.Kind + " " + thing.Target
		if seen[name]++; seen[name] > 1 { // such as two mounts on top of each other
			name = fmt.Sprintf("%s (%d)", name, seen[name])
		}
		out = append(out, &item{Thing: thing, name: name, left: left})
	}
	return append(out, left)
}

// item is the resource "thing is gone".
type item struct {
	Thing `json:"-"`
	name  string
	left  *leftovers
}

var _ resource.Resource = (*item)(nil)

// ID is of the kind of actions: there is nothing to record.
func (i *item) ID() resource.ID { return resource.ID{Kind: "action", Target: "remove " + i.name} }

// Diff says that it is there: it was found a moment ago.
func (i *item) Diff(context.Context) (sdk.Change, error) {
	return sdk.Change{Op: sdk.OpDelete, Kind: i.Kind, Target: i.Target, Reason: i.Reason, Disruptive: i.Disruptive}, nil
}

// Render removes it, or keeps the reason why it could not.
func (i *item) Render(ctx context.Context) error {
	if err := i.Thing.Remove(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		i.left.add(fmt.Errorf("remove %s: %w", i.name, err))
	}
	return nil
}

// Remove does nothing.
func (i *item) Remove(context.Context) error { return nil }

// leftovers is the last resource: that nothing was left over.
type leftovers struct {
	mu   sync.Mutex
	errs []error
}

var _ resource.Resource = (*leftovers)(nil)

func (l *leftovers) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *leftovers) ID() resource.ID { return resource.ID{Kind: "action", Target: "remove all of it"} }

// Diff asks for a run when something failed before it, so it is in no plan.
func (l *leftovers) Diff(ctx context.Context) (sdk.Change, error) {
	if l.Render(ctx) == nil {
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpRun}, nil
}

// Render tells what failed.
func (l *leftovers) Render(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

// Remove does nothing.
func (l *leftovers) Remove(context.Context) error { return nil }
