package run

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
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
