package run

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// A run that changes nothing leaves the journal as it is, whether or not the plan
// before it is taken over.
func TestUnchangedWritesNothing(t *testing.T) {
	for _, settled := range []bool{false, true} {
		r := newRig(t, fmt.Sprintf(interruptible, "thing", ""))
		r.settled = settled
		r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, late skipped")
		before := r.journal()
		r.w.took("")
		r.expect(r.apply(t.Context()), event.RunSucceeded, "a unchanged, b unchanged, late skipped")
		if r.journal() != before {
			t.Errorf("settled %v: the journal changed", settled)
		}
		if got := r.w.took("plan "); len(got) != 2 {
			t.Errorf("settled %v: planned %v, want each once", settled, got)
		}
	}
}

// What was there before the first run is recorded as done, without Apply.
func TestFoundAsWanted(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }`)
	r.settled = true
	r.w.set("a", "v")
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a unchanged")
	if n := r.state().Nodes["phase.a"]; n == nil || n.Status != state.Succeeded || string(n.Private) != "a " {
		t.Errorf("got %+v", n)
	}
}

// A journal that ends after a NodeStart is what a killed engine leaves.
func TestReconcile(t *testing.T) {
	for name, tt := range map[string]struct {
		typ, thing string // what the killed attempt made
		statuses   string
		status     event.RunStatus
	}{
		"was done":             {"t.thing", "v", "a unchanged", event.RunSucceeded},
		"was not done":         {"t.thing", "", "a succeeded", event.RunSucceeded},
		"once, was done":       {"t.once", "v", "a unchanged", event.RunSucceeded},
		"once, nobody knows":   {"t.once", "", "a failed", event.RunFailed},
		"once, only in a part": {"t.once", "part", "a failed", event.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fmt.Sprintf("phase %q \"a\" { name = \"a\" }", tt.typ))
			r.w.set("a", tt.thing)
			planner := r.planner()
			step, err := planner.Step(t.Context(), planner.Program.Nodes[0], plan.Situation{Outcomes: plan.Outcomes{}})
			if err != nil {
				t.Fatal(err)
			}
			store := r.open()
			commit(t, store,
				state.RunStart{Run: state.Run{ID: "r0", Operation: event.OperationApply}},
				state.NodeStart{Address: "phase.a", Identity: step.Identity, Attempt: 1, Private: []byte("a ")})
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			r.expect(r.apply(t.Context()), tt.status, tt.statuses)
			if !strings.Contains(r.transcript(), "resumes r0") {
				t.Errorf("it does not say that it resumes:\n%s", r.transcript())
			}
			if r.state().Run.Interrupted() {
				t.Error("the run has no end")
			}
			n := r.state().Nodes["phase.a"]
			if done := n.Status == state.Succeeded; done != (tt.status == event.RunSucceeded) {
				t.Errorf("recorded as %s", n.Status)
			}

			// It can be undone in any case, by the record of the plan.
			if result := r.undo(t.Context()); result.Status != event.RunSucceeded || r.w.get("a") != "" {
				t.Errorf("undo: got %s, thing %q", result.Status, r.w.get("a"))
			}
		})
	}
}

// Undo survives an interrupt, and the next one goes on.
func TestUndoInterrupted(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }
phase "t.thing" "b" {
  name    = "b"
  private = "undo_hang"
  depends_on = [phase.a]
}
phase "t.thing" "c" {
  name    = "c"
  private = "stuck"
  depends_on = [phase.b]
}`)
	r.opts.Parallelism = 1
	r.apply(t.Context())
	ctx, stop := context.WithCancelCause(t.Context())
	wait := r.background(func() {
		r.await("phase.b")
		stop(ErrInterrupted)
	})
	r.expect(r.undo(ctx), event.RunInterrupted, "a cancelled, b cancelled, c failed")
	wait()
	if s := r.state(); s.Nodes["phase.a"].Status != state.Succeeded || s.Nodes["phase.b"].Status != state.Cancelled {
		t.Errorf("recorded: a %s, b %s", s.Nodes["phase.a"].Status, s.Nodes["phase.b"].Status)
	}
	store := r.open()
	commit(t, store, state.NodeEnd{Address: "phase.b", Status: event.Failed, Private: []byte("b now")},
		state.NodeEnd{Address: "phase.c", Status: event.Failed, Private: []byte("c now")})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r.expect(r.undo(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, c succeeded")
	if !r.state().Empty() || len(r.w.things) > 0 {
		t.Errorf("left: %v, %v", r.state().Addresses(), r.w.things)
	}
}

// An interrupt between the two passes of an undo loses no failure.
func TestUndoInterruptedBetweenPasses(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name    = "a"
  private = "stuck"
}`)
	r.apply(t.Context())
	ctx, stop := context.WithCancelCause(t.Context())
	r.watch = func(e event.Event) {
		if _, ok := e.Body.(event.NodeRetrying); ok {
			stop(ErrInterrupted)
		}
	}
	r.expect(r.undo(ctx), event.RunInterrupted, "a failed")
}

// Records of an older version of the type are upgraded for undo, too.
func TestUndoUpgrades(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }`)
	r.apply(t.Context())
	r.w.version = 2
	r.w.set("a", "v")
	h := &host{w: r.w}
	client, _ := h.Client(t.Context(), "t")
	upgraded, err := client.Upgrade(t.Context(), "thing", 0, []byte("a "))
	if err != nil || string(upgraded) != "a  upgraded from 0" {
		t.Fatalf("got %q, %v", upgraded, err)
	}
	r.expect(r.undo(t.Context()), event.RunSucceeded, "a succeeded")
}

func TestPluginGone(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }`)
	r.apply(t.Context())
	store := r.open()
	n := *store.State().Nodes["phase.a"]
	id := n.Identity
	id.Plugin.Name = "old"
	commit(t, store, state.NodeEnd{Address: "phase.a", Status: event.Unchanged, Identity: &id})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r.expect(r.undo(t.Context()), event.RunDegraded, "a failed")
	if got := r.state().Nodes["phase.a"].Status; got != state.Succeeded {
		t.Errorf("recorded as %s although nothing was tried", got)
	}
}

func commit(t *testing.T, store *state.Store, records ...state.Record) {
	t.Helper()
	if err := store.Append(records...); err != nil {
		t.Fatal(err)
	}
	if err := store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}
