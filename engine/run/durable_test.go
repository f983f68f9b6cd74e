package run

import (
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

// What a plugin has checkpointed survives a kill from the moment it goes on.
func TestCheckpointIsDurable(t *testing.T) {
	r := newRig(t, `phase "t.once" "a" {
  name = "a"
  how  = "checkpoint"
}`)
	r.w.recorded = func(address string) string { return string(r.state().Nodes[address].Private) }
	r.expect(r.apply(t.Context()), event.RunFailed, "a unknown")
	if got := r.w.get("seen by others"); got != "a half" {
		t.Errorf("while it ran: got the record %q", got)
	}
	if got := r.w.recorded("phase.a"); got != "a half" {
		t.Errorf("afterwards: got the record %q", got)
	}
}

// The end of a phase becomes durable although nothing comes after it for long.
func TestEndIsDurable(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" { name = "a" }
phase "t.thing" "b" {
  name       = "b"
  how        = "gate"
  depends_on = [phase.a]
}
phase "t.thing" "c" {
  name       = "c"
  depends_on = [phase.a]
}`)
	gate := make(chan struct{})
	r.w.gates["phase.b"] = gate
	wait := r.background(func() {
		defer close(gate)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
			if s, err := state.Read(r.dir); err == nil && s.Success("phase.c") != nil {
				return
			}
		}
		t.Error("the end of phase.c did not become durable")
	})
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, c succeeded")
	wait()
}
