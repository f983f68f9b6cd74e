package run

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

const booting = `
phase "t.thing" "before" {
  name = "before"
  how  = "gate"
}
phase "t.boot" "boot" {
  name = "boot"
  how  = "hang"
}
phase "t.thing" "after" {
  name       = "after"
  depends_on = [phase.boot]
}
finally "t.thing" "end" { name = "end" }
`

// armed is a [Resumption] that counts.
type armed struct {
	arms atomic.Int32
	err  error
	down bool
}

func (a *armed) Arm(context.Context) error     { a.arms.Add(1); return a.err }
func (a *armed) Disarm(context.Context) error  { return nil }
func (a *armed) GoesDown(context.Context) bool { return a.down }

// A phase that boots the host waits until it is alone. When the host goes down,
// the run ends without its last phases, and the next one goes on with it.
func TestReboot(t *testing.T) {
	r := newRig(t, booting)
	gate, unit := make(chan struct{}), &armed{down: true}
	r.w.gates["phase.before"], r.opts.Resumption = gate, unit
	ctx, stop := context.WithCancelCause(t.Context())
	wait := r.background(func() {
		r.await("phase.before")
		if unit.arms.Load() != 0 {
			t.Error("armed while another phase runs")
		}
		close(gate)
		r.await("phase.boot")
		stop(ErrTerminated) // as the system does when it goes down
	})
	result := r.apply(ctx)
	wait()
	r.expect(result, event.RunInterrupted, "after cancelled, before succeeded, boot cancelled, finally.end cancelled")
	if !result.Rebooting || unit.arms.Load() != 1 {
		t.Errorf("got rebooting %v, armed %d times", result.Rebooting, unit.arms.Load())
	}
	if !r.state().Run.Interrupted() {
		t.Error("the run has an end: nobody would go on with it")
	}

	r.w.set("boot", "v") // the host has booted
	result = r.apply(t.Context())
	r.expect(result, event.RunSucceeded, "after succeeded, before unchanged, boot unchanged, finally.end succeeded")
	if result.Rebooting || unit.arms.Load() != 1 {
		t.Errorf("after the boot: got rebooting %v, armed %d times", result.Rebooting, unit.arms.Load())
	}
}

// A run that is stopped while it waits for the host to go down has ended, if the host
// does not: nobody wants it to go on after some later boot.
func TestRebootStopped(t *testing.T) {
	for name, tt := range map[string]struct {
		cause error
		down  bool
	}{
		"Ctrl-C":                          {ErrInterrupted, false},
		"Ctrl-C while the host goes down": {ErrInterrupted, true},
		"SIGTERM":                         {ErrTerminated, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, booting)
			gate := make(chan struct{})
			close(gate)
			r.w.gates["phase.before"], r.opts.Resumption = gate, &armed{down: tt.down}
			ctx, stop := context.WithCancelCause(t.Context())
			wait := r.background(func() {
				r.await("phase.before")
				r.await("phase.boot")
				stop(tt.cause)
			})
			result := r.apply(ctx)
			wait()
			r.expect(result, event.RunInterrupted, "after cancelled, before succeeded, boot cancelled, finally.end succeeded")
			if result.Rebooting || r.state().Run.Interrupted() {
				t.Errorf("rebooting %v, without an end %v: it would go on", result.Rebooting, r.state().Run.Interrupted())
			}
		})
	}
}

// Where nothing would go on after the boot, the host is not booted.
func TestRebootRefused(t *testing.T) {
	for name, unit := range map[string]Resumption{
		"not armed": &armed{err: errors.New("no systemd here")},
		"nothing":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, `phase "t.boot" "boot" { name = "boot" }`)
			r.opts.Resumption = unit
			r.expect(r.apply(t.Context()), event.RunFailed, "boot failed")
			if got := r.w.took("apply "); len(got) > 0 {
				t.Errorf("applied %v", got)
			}
			if p := r.ended("boot").Problem; p == nil || !strings.Contains(p.Message, "no systemd here") && unit != nil {
				t.Errorf("got problem %+v", p)
			}
		})
	}
}

// Two phases that want to be alone do not wait for each other for ever; each is
// alone when it runs.
func TestRebootTwice(t *testing.T) {
	r := newRig(t, `phase "t.boot" "a" { name = "a" }
phase "t.boot" "b" { name = "b" }
phase "t.thing" "c" { name = "c" }`)
	r.opts.Resumption = &armed{}
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, c succeeded")
}
