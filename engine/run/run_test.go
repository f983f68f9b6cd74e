package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// many is a pipeline of n phases that wait at their gates.
func many(r *rig, n int, typ string) {
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		r.hcl += fmt.Sprintf("phase %q %q {\n  name = %q\n  how = \"gate\"\n}\n", typ, name, name)
		r.w.gates["phase."+name] = make(chan struct{})
	}
}

func openGates(r *rig) {
	for _, gate := range r.w.gates {
		close(gate)
	}
}

// Phases that do not depend on each other run at once: all have begun before the
// first one may end.
func TestParallel(t *testing.T) {
	r := newRig(t, "")
	many(r, 8, "t.thing")
	r.opts.Parallelism = 8
	wait := r.background(func() {
		for range 8 {
			<-r.w.began
		}
		openGates(r)
	})
	if result := r.apply(t.Context()); result.Status != event.RunSucceeded {
		t.Errorf("got %s", result.Status)
	}
	wait()
}

func TestLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		typ, pool string
		slots     int
		want      int
	}{
		"slots":             {typ: "t.thing", slots: 3, want: 3},
		"pool":              {typ: "t.pooled", pool: "pool \"pull\" {\n  slots = 2\n}\n", slots: 8, want: 2},
		"pool of no size":   {typ: "t.pooled", slots: 8, want: 1},
		"more than phases":  {typ: "t.thing", slots: 100, want: 6},
		"default for slots": {typ: "t.thing", want: 6},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.pool)
			many(r, 6, tt.typ)
			r.opts.Parallelism = tt.slots
			var began atomic.Int32
			wait := r.background(func() {
				for range 6 {
					address := <-r.w.began
					began.Add(1)
					if n := int(began.Load()); n < tt.want {
						continue // that many must have begun before any may end
					}
					openOnce(r, address)
				}
			})
			result := r.apply(t.Context())
			wait()
			if result.Counts[event.Succeeded] != 6 {
				t.Errorf("got %v", result.Counts)
			}
			if r.w.most != tt.want {
				t.Errorf("ran at once: got %d, want %d", r.w.most, tt.want)
			}
		})
	}
}

// openOnce lets all phases go when the first gate of a test may open.
func openOnce(r *rig, _ string) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for _, gate := range r.w.gates {
		select {
		case <-gate:
		default:
			close(gate)
		}
	}
}

const interruptible = `
phase "t.%s" "a" {
  name = "a"
  how  = "%s"
}
phase "t.thing" "b" {
  name  = "b"
  value = phase.a.id
}
phase "t.thing" "late" {
  name = "late"
  when = phase.a.status == "failed"
}
`

func TestInterrupt(t *testing.T) {
	for name, tt := range map[string]struct {
		typ, how, statuses string
		status             event.RunStatus
	}{
		"stops by itself": {"thing", "hang", "a cancelled, b cancelled, late cancelled", event.RunInterrupted},
		"must be killed":  {"brief", "stubborn", "a unknown, b cancelled, late cancelled", event.RunInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fmt.Sprintf(interruptible, tt.typ, tt.how))
			ctx, stop := context.WithCancelCause(t.Context())
			wait := r.background(func() {
				r.await("phase.a")
				stop(ErrInterrupted)
			})
			result := r.apply(ctx)
			wait()
			r.expect(result, tt.status, tt.statuses)
			if got := r.w.took("apply "); !slices.Equal(got, []string{"phase.a 1"}) {
				t.Errorf("applied %v, want only phase.a", got)
			}
			if !strings.Contains(r.transcript(), "stopping: interrupted; running: phase.a\n") {
				t.Errorf("transcript does not tell what is waited for:\n%s", r.transcript())
			}

			r.hcl = fmt.Sprintf(interruptible, "brief", "")
			r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, late skipped")
		})
	}
}

// A second signal does not wait for the grace.
func TestInterruptNow(t *testing.T) {
	r := newRig(t, fmt.Sprintf(interruptible, "thing", "stubborn"))
	now := make(chan struct{})
	r.opts.Now = now
	ctx, stop := context.WithCancelCause(t.Context())
	wait := r.background(func() {
		r.await("phase.a")
		stop(ErrInterrupted)
		close(now)
	})
	r.expect(r.apply(ctx), event.RunInterrupted, "a unknown, b cancelled, late cancelled") // the grace is an hour
	wait()
}

// An interrupt that comes when all is done changes nothing.
func TestInterruptTooLate(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }`)
	ctx, stop := context.WithCancelCause(t.Context())
	r.watch = func(e event.Event) {
		if _, ok := e.Body.(event.NodeEnded); ok {
			stop(ErrInterrupted)
		}
	}
	r.expect(r.apply(ctx), event.RunSucceeded, "a succeeded")
}

func TestInterruptBefore(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }`)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(ErrInterrupted)
	r.expect(r.apply(ctx), event.RunInterrupted, "a cancelled")
	if got := r.w.took(""); len(got) > 0 {
		t.Errorf("called %v", got)
	}
}

// A phase that waits for its next attempt is not waited for.
func TestInterruptBetweenAttempts(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name = "a"
  how  = "fail"
  retry {
    attempts = 5
    backoff  = "1h"
  }
}
phase "t.thing" "z" { name = "z" }`)
	ctx, stop := context.WithCancelCause(t.Context())
	r.watch = func(e event.Event) {
		if _, ok := e.Body.(event.NodeRetrying); ok {
			stop(ErrInterrupted)
		}
	}
	r.opts.Parallelism = 2
	result := r.apply(ctx)
	if result.Status != event.RunInterrupted || r.ended("a").Status != event.Cancelled {
		t.Errorf("got %s, a %s", result.Status, r.ended("a").Status)
	}
	if p := r.ended("a").Problem; p == nil || p.Message != "make a: no luck" {
		t.Errorf("problem: got %v, want that of the last attempt", p)
	}
	if n := r.state().Nodes["phase.a"]; n.Status != state.Failed {
		t.Errorf("recorded as %s, want failed", n.Status)
	}
}

// Fail-fast ends the wait for another attempt as well.
func TestFailFastBetweenAttempts(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name = "a"
  how  = "fail"
  retry {
    attempts = 5
    backoff  = "1h"
  }
}
phase "t.thing" "b" {
  name  = "b"
  how   = "gate"
}`)
	gate := make(chan struct{})
	r.w.gates["phase.b"] = gate
	r.hcl += `
phase "t.thing" "c" {
  name = "c"
  how  = "permanent"
  depends_on = [phase.b]
}`
	r.opts.FailFast = true
	r.watch = func(e event.Event) {
		if _, ok := e.Body.(event.NodeRetrying); ok {
			close(gate)
		}
	}
	r.expect(r.apply(t.Context()), event.RunFailed, "a cancelled, b succeeded, c failed")
}

// The crash of one phase in a shared process hits the others; they are repeated.
func TestCrashTakesOthersAlong(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name = "a"
  how  = "gate"
}
phase "t.thing" "b" {
  name = "b"
  how  = "crash 1"
}`)
	r.w.gates["phase.a"] = make(chan struct{})
	r.watch = func(e event.Event) {
		if b, ok := e.Body.(event.NodeRetrying); ok && b.Node == "phase.b" {
			close(r.w.gates["phase.a"])
		}
	}
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded")
	if r.w.isolated == 0 {
		t.Error("nothing was repeated in a process of its own")
	}
}

func TestIsolation(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name      = "a"
  isolation = "process"
}
phase "t.thing" "b" { name = "b" }`)
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded")
	if r.w.isolated != 1 || r.w.processes != 1 {
		t.Errorf("got %d isolated and %d shared processes, want one of each", r.w.isolated, r.w.processes)
	}
}

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

func TestFlood(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name = "a"
  how  = "flood 20000"
}`)
	lines, longest := 0, 0
	r.watch = func(e event.Event) {
		if _, ok := e.Body.(event.NodeLog); ok {
			lines++
		}
		longest = max(longest, len(r.events))
		r.mu.Lock()
		r.events = r.events[:min(len(r.events), 4)] // keep the test itself small
		r.mu.Unlock()
	}
	planner := r.planner()
	store := r.open()
	defer func() { _ = store.Close() }()
	result, _, err := Apply(t.Context(), planner, r.options(store, &host{w: r.w}))
	if err != nil || result.Status != event.RunSucceeded || lines != 20000 {
		t.Errorf("got %s, %v, %d lines", result.Status, err, lines)
	}
}

const canary = "canary-4711\nzweite \"line\" of it"

// No sensitive value is in any event, in the journal, or in what later phases say.
func TestSecrets(t *testing.T) {
	r := newRig(t, `variable "secret" { sensitive = true }
phase "t.thing" "a" {
  name    = "a"
  secret  = var.secret
  needs   = { pin = sensitive(271828), list = [var.secret] }
  how     = "leak"
  retry {
    attempts = 2
    backoff  = "1ms"
  }
}
phase "t.thing" "b" {
  name   = "b"
  secret = var.secret
  how    = "unplannable"
  retry {
    attempts = 2
    backoff  = "1ms"
  }
}
phase "t.thing" "c" {
  name   = "c"
  secret = var.secret
  needs  = { pin = sensitive(271828), list = [var.secret] }
  value  = "shows ${nonsensitive("x")}"
}
phase "t.thing" "d" {
  name   = "d"
  secret = phase.c.token
  how    = "leak"
}`)
	r.vars = map[string]expand.VarInput{"secret": {Value: cty.StringVal(canary), Source: "test"}}
	result := r.apply(t.Context())
	r.expect(result, event.RunFailed, "a failed, b failed, c succeeded, d failed")
	shown := r.transcript() + r.journal()
	for _, e := range r.events {
		text, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		shown += string(text)
	}
	for _, secret := range []string{"canary-4711", "zweite", "of it", "271828", "token of c"} {
		if i := strings.Index(shown, secret); i >= 0 {
			t.Errorf("%q is shown or stored: …%s…", secret, shown[max(0, i-100):min(len(shown), i+100)])
		}
	}
	if !strings.Contains(shown, "(sensitive)") {
		t.Error("nothing was masked")
	}
	if token := r.known["phase.c"].Outputs.GetAttr("token"); token.AsString() != "token of c" {
		t.Errorf("outputs in memory: got %#v", token)
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
