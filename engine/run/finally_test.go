package run

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

const closing = `
phase "t.thing" "a" {
  name = "a"
  how  = %q
}
phase "t.thing" "b" {
  name = "b"
  depends_on = [phase.a]
}
finally "t.brief" "end" {
  name  = "end"
  value = "${phase.a.status} ${phase.b.status} ${coalesce(phase.b.id, "none")}"
  how   = %q
}
finally "t.thing" "last" {
  name  = "last"
  value = finally.end.status
}
`

// The first Ctrl-C stops everything but finally phases.
func TestInterruptFinally(t *testing.T) {
	r := newRig(t, fmt.Sprintf(closing, "hang", ""))
	ctx, stop := context.WithCancelCause(t.Context())
	wait := r.background(func() {
		r.await("phase.a")
		stop(ErrInterrupted)
	})
	result := r.apply(ctx)
	wait()
	r.expect(result, event.RunInterrupted, "a cancelled, b cancelled, finally.end succeeded, finally.last succeeded")
	if got, want := r.w.get("end"), "cancelled cancelled none"; got != want {
		t.Errorf("end saw %q, want %q", got, want)
	}
}

// The second one ends those, too, and none starts any more.
func TestInterruptFinallyTwice(t *testing.T) {
	for name, how := range map[string]string{"in order": "hang", "by force": "stubborn"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fmt.Sprintf(closing, "", how))
			now := make(chan struct{})
			r.opts.Now = now
			ctx, stop := context.WithCancelCause(t.Context())
			wait := r.background(func() {
				r.await("finally.end")
				stop(ErrInterrupted)
				close(now)
			})
			result := r.apply(ctx)
			wait()
			if result.Status != event.RunInterrupted || r.ended("finally.last").Status != event.Cancelled {
				t.Errorf("got %s: %s", result.Status, r.statuses())
			}
		})
	}
}

// A finally phase that runs is not stopped by the first Ctrl-C, nor is its retry.
func TestInterruptWhileFinally(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }
finally "t.thing" "end" {
  name = "end"
  how  = "fail 1"
  retry {
    attempts = 2
    backoff  = "1ms"
  }
}`)
	ctx, stop := context.WithCancelCause(t.Context())
	r.watch = func(e event.Event) {
		if b, ok := e.Body.(event.NodeStarted); ok && b.Node == "finally.end" {
			stop(ErrInterrupted)
		}
	}
	r.expect(r.apply(ctx), event.RunSucceeded, "a succeeded, finally.end succeeded")
}

// Finally phases of a run that was killed run in the next one, although that one
// finds everything else done.
func TestKilledBeforeFinally(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }`)
	store := r.open()
	if err := store.Append(state.RunStart{Run: state.Run{ID: "r0", Operation: event.OperationApply}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Sync(t.Context()), store.Close()); err != nil {
		t.Fatal(err)
	}
	r.w.set("a", "v")
	r.hcl += `
finally "t.thing" "end" { name = "end" }`
	r.settled = true
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a unchanged, finally.end succeeded")
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a unchanged, finally.end skipped")
}
