package resource

import (
	"context"
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

// planUndo lists what undo would remove, in that order.
func (j *job[O]) planUndo(ctx context.Context) []sdk.Change {
	var changes []sdk.Change
	for _, e := range slices.Backward(j.undoable(ctx)) {
		if !j.gone(ctx, e) {
			changes = append(changes, sdk.Change{Op: sdk.OpDelete, Kind: e.Kind, Target: e.Target})
		}
	}
	return changes
}

// gone reports a recorded thing that is not there any more. What cannot be asked
// counts as there.
func (j *job[O]) gone(ctx context.Context, e Entry) bool {
	kind, ok := j.kind(e.Kind)
	if !ok || kind.Restore == nil {
		return false
	}
	r, err := kind.Restore(e.State)
	if err != nil {
		return false
	}
	change, err := r.Diff(silently(ctx))
	return err == nil && notThere(change) && !isLeft(r)
}

// isLeft reports the rest of a change that was killed.
func isLeft(r Resource) bool {
	part, ok := r.(Remnant)
	return ok && part.Left()
}

// notThere reads from a comparison that there is nothing to remove.
func notThere(c sdk.Change) bool { return c.Op == sdk.OpCreate || c.Op == sdk.OpRun }

// undo removes what the record says the phase made, or, without a record, every
// resource that it finds on the host. It goes on after a failure and returns
// what is left.
func (j *job[O]) undo(ctx context.Context) (Record, error) {
	left, err := j.remove(ctx, j.undoable(ctx))
	return Record{Entries: left}, err
}

// undoable lists what undo removes, in the order in which it was made.
func (j *job[O]) undoable(ctx context.Context) []Entry {
	var out []Entry
	if j.recorded {
		for _, e := range j.before.Entries {
			if e.Made {
				out = append(out, e)
			}
		}
		return out
	}
	for _, r := range j.work.Resources {
		change, err := diff(silently(ctx), r)
		if err == nil && notThere(change) && !isLeft(r) {
			continue
		}
		if e, err := j.entry(r, sdk.OpCreate); err == nil && e.Made {
			out = append(out, e)
		}
	}
	return out
}

// remove takes entries away, last made first, and returns those that it could not.
func (j *job[O]) remove(ctx context.Context, entries []Entry) ([]Entry, error) {
	var left []Entry
	var diags sdk.Diagnostics
	for _, e := range slices.Backward(entries) {
		if !e.Made {
			continue
		}
		if ctx.Err() != nil {
			left = append(left, e)
			continue
		}
		if err := j.removeOne(ctx, e); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msgf("left behind: %s %s", e.Kind, e.Target)
			left = append(left, e)
			diags = append(diags, sdk.Diagnose(err)...)
			continue
		}
		sdk.Emit(ctx, sdk.ChangeDone{Change: sdk.Change{Op: sdk.OpDelete, Kind: e.Kind, Target: e.Target}})
	}
	slices.Reverse(left)
	switch {
	case len(diags) > 0:
		return left, diags
	case len(left) > 0:
		return left, context.Cause(ctx)
	}
	return nil, nil
}

func (j *job[O]) removeOne(ctx context.Context, e Entry) error {
	kind, ok := j.kind(e.Kind)
	if !ok || kind.Restore == nil {
		return fmt.Errorf("remove %s %s: this plugin does not know resources of that kind", e.Kind, e.Target)
	}
	r, err := kind.Restore(e.State)
	if err != nil {
		return err
	}
	if err := r.Remove(ctx); err != nil {
		return fmt.Errorf("remove %s %s: %w", e.Kind, e.Target, err)
	}
	return nil
}
