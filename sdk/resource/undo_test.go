package resource_test

import (
	"context"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk/resource"
)

func TestUndoByObservation(t *testing.T) {
	w := newWorld("a", "c")
	w.things["c"] = "other"
	p := w.phase()
	build := p.Build
	p.Build = func(ctx context.Context, in resource.Input[config]) (resource.Work[outputs], error) {
		work, err := build(ctx, in)
		work.Resources = append(work.Resources,
			&resource.Once{Name: "act", Done: true},
			&resource.Probe{Name: "wait", Check: func(context.Context) error { return nil }})
		return work, err
	}
	d := drive(t, p)
	equal(t, "plan", show(d.planUndo(wantNames("a", "b", "c"))), "- thing c; - thing a")
	ok(t, d.undo(wantNames("a", "b", "c")))
	equal(t, "after undo", w.names(), "")
	ok(t, d.undo(wantNames("a", "b", "c")))
}

func TestUndoGoesOn(t *testing.T) {
	w := newWorld()
	d := drive(t, w.phase())
	ok(t, d.apply(wantNames("a", "b", "c"), false))
	w.broken["b"] = errBroken
	result := d.undo(cty.NilVal)
	equal(t, "summary", result.Diagnostics.Error(), "remove thing b: disk on fire")
	equal(t, "things", w.names(), "b")
	delete(w.broken, "b")
	equal(t, "plan", show(d.planUndo(cty.NilVal)), "- thing b")
	ok(t, d.undo(cty.NilVal))
	equal(t, "things", w.names(), "")
}

// TestUndoNeedsNoBuild checks that a record is enough: what Build reads may be
// gone by then.
func TestUndoNeedsNoBuild(t *testing.T) {
	w := newWorld()
	d := drive(t, w.phase())
	ok(t, d.apply(wantNames("a"), false))
	broken := w.phase()
	broken.Build = func(context.Context, resource.Input[config]) (resource.Work[outputs], error) {
		return resource.Work[outputs]{}, errBroken
	}
	broken.Validate = func(config) error { return errBroken }
	later := drive(t, broken)
	later.private = d.private
	equal(t, "plan", show(later.planUndo(wantNames("a"))), "- thing a")
	ok(t, later.undo(wantNames("a")))
	equal(t, "things", w.names(), "")
}

func TestPlanOfUndoLeavesOutWhatIsGone(t *testing.T) {
	w := newWorld()
	d := drive(t, w.phase())
	ok(t, d.apply(wantNames("a", "b"), false))
	delete(w.things, "a")
	equal(t, "plan", show(d.planUndo(cty.NilVal)), "- thing b")
	ok(t, d.undo(cty.NilVal))
}

// kept is a thing that undo leaves alone.
type kept struct{ *thing }

func (kept) Kept() bool { return true }

func TestUndoLeavesWhatIsKept(t *testing.T) {
	w := newWorld()
	p := w.phase()
	build := p.Build
	p.Build = func(ctx context.Context, in resource.Input[config]) (resource.Work[outputs], error) {
		work, err := build(ctx, in)
		work.Resources = append(work.Resources, kept{&thing{Name: "k", world: w}})
		return work, err
	}
	d := drive(t, p)
	ok(t, d.apply(wantNames("a"), false))
	equal(t, "plan", show(d.planUndo(cty.NilVal)), "- thing a")
	ok(t, d.undo(cty.NilVal))
	equal(t, "things", w.names(), "k")
	d.private = nil
	ok(t, d.undo(wantNames("a")))
	equal(t, "things, undone by observation", w.names(), "k")
}
