package resource

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/clusterflow/clusterflow/sdk"
)

// job is one phase at work: what it wants and what it made before.
type job[O any] struct {
	work     Work[O]
	before   Record
	recorded bool // before is real, be it empty
	kinds    []Kind
}

// recaller is a resource whose record holds more than its config and the host
// tell, such as which directories were made for it.
type recaller interface{ recall(Record) }

// take checks the resources that Build returned and gives them their records.
func (j *job[O]) take() error {
	seen := make(map[ID]bool, len(j.work.Resources))
	for _, r := range j.work.Resources {
		id := r.ID()
		if _, known := j.kind(id.Kind); !known {
			return sdk.Permanent(fmt.Errorf("build %s %s: the phase type does not declare resources of that kind", id.Kind, id.Target))
		}
		if seen[id] {
			return sdk.Permanent(fmt.Errorf("build %s %s: it is there twice", id.Kind, id.Target))
		}
		seen[id] = true
		if r, ok := r.(recaller); ok {
			r.recall(j.before)
		}
	}
	return nil
}

// plan compares every resource with the host. The record it returns says what
// will be the phase's own once the plan is applied, also if Apply is cut short.
func (j *job[O]) plan(ctx context.Context) ([]sdk.Change, Record, error) {
	var changes []sdk.Change
	var record Record
	for _, r := range j.work.Resources {
		change, err := diff(ctx, r)
		if err != nil {
			return nil, Record{}, err
		}
		entry, err := j.entry(r, change.Op)
		if err != nil {
			return nil, Record{}, err
		}
		record.Entries = append(record.Entries, entry)
		if change.Op != sdk.OpNone {
			changes = append(changes, change)
		}
	}
	for _, e := range j.dropped() {
		record.Entries = append(record.Entries, e)
		if e.Made {
			changes = append(changes, sdk.Change{Op: sdk.OpDelete, Kind: e.Kind, Target: e.Target, Reason: "no longer wanted"})
		}
	}
	return changes, record, nil
}

// entry is the record of r, given what has to be done to it now.
func (j *job[O]) entry(r Resource, op sdk.Op) (Entry, error) {
	state, err := json.Marshal(r)
	if err != nil {
		return Entry{}, fmt.Errorf("record %s %s: %w", r.ID().Kind, r.ID().Target, err)
	}
	old, _ := j.before.Find(r.ID())
	made := old.Made || op == sdk.OpCreate || op == sdk.OpRun
	if kind, ok := j.kind(r.ID().Kind); ok && kind.Restore == nil {
		made = false
	}
	if k, ok := r.(Keeper); ok && k.Kept() {
		made = false
	}
	return Entry{Kind: r.ID().Kind, Target: r.ID().Target, Made: made, State: state}, nil
}

// dropped lists what the phase made before and does not want any more.
func (j *job[O]) dropped() []Entry {
	return slices.DeleteFunc(slices.Clone(j.before.Entries), func(e Entry) bool {
		return slices.ContainsFunc(j.work.Resources, func(r Resource) bool {
			return r.ID() == ID{Kind: e.Kind, Target: e.Target}
		})
	})
}

func (j *job[O]) apply(ctx context.Context, parallel bool) (Record, error) {
	record := Record{Entries: make([]Entry, len(j.work.Resources))}
	group, groupCtx := errgroup.WithContext(ctx)
	if !parallel {
		group.SetLimit(1)
	}
	for i, r := range j.work.Resources {
		group.Go(func() (err error) {
			if err := context.Cause(groupCtx); err != nil {
				return err
			}
			record.Entries[i], err = j.renderOne(groupCtx, r)
			return err
		})
	}
	err := group.Wait()
	for i, r := range j.work.Resources { // what was not reached keeps the entry it had
		if record.Entries[i].Kind == "" {
			if e, ok := j.before.Find(r.ID()); ok {
				record.Entries[i] = e
			}
		}
	}
	record.Entries = slices.DeleteFunc(record.Entries, func(e Entry) bool { return e.Kind == "" })
	if err != nil {
		record.Entries = append(record.Entries, j.dropped()...)
		return record, err
	}
	left, err := j.remove(ctx, j.dropped())
	record.Entries = append(record.Entries, left...)
	return record, err
}

func (j *job[O]) renderOne(ctx context.Context, r Resource) (Entry, error) {
	change, err := diff(ctx, r)
	if err != nil {
		return Entry{}, err
	}
	if change.Op == sdk.OpNone {
		return j.entry(r, change.Op)
	}
	renderErr := r.Render(ctx)
	entry, err := j.entry(r, change.Op) // a failed Render may have made a part of it
	switch {
	case renderErr != nil:
		return entry, fmt.Errorf("%s %s: %w", change.Kind, change.Target, renderErr)
	case err != nil:
		return Entry{}, err
	}
	sdk.Emit(ctx, sdk.ChangeDone{Change: change})
	return entry, nil
}

func (j *job[O]) kind(name string) (Kind, bool) {
	i := slices.IndexFunc(j.kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return j.kinds[i], true
}

func diff(ctx context.Context, r Resource) (sdk.Change, error) {
	change, err := r.Diff(ctx)
	change.Kind, change.Target = cmp.Or(change.Kind, r.ID().Kind), cmp.Or(change.Target, r.ID().Target)
	if err != nil {
		return change, fmt.Errorf("read %s %s: %w", change.Kind, change.Target, err)
	}
	return change, nil
}
