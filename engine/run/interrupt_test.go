package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

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
