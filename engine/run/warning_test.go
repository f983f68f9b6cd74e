package run

import (
	"fmt"
	"slices"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

// What a plugin warns of with a result is told, from Apply as from Undo, and is no
// failure.
func TestWarnings(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name    = "a"
  how     = "warn"
  private = "warn"
}`)
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded")
	r.warned("phase.a", "made a, but\nlook at it")
	r.expect(r.undo(t.Context()), event.RunSucceeded, "a succeeded")
	r.warned("phase.a", "removed a, but\nlook at it")
}

// A warning that was logged when it was found is not told again with the result.
func TestWarningIsToldOnce(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name = "a"
  how  = "warn and log"
}`)
	r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded")
	r.warned("phase.a", "made a, but")
}

// warned checks that a warning of a phase was an event of the last run, once.
func (r *rig) warned(address, text string) {
	r.t.Helper()
	var got []string
	for _, e := range r.events {
		if log, ok := e.Body.(event.NodeLog); ok && log.Level == event.LevelWarn {
			got = append(got, fmt.Sprintf("%s: %s", log.Node, log.Message))
		}
	}
	if want := []string{address + ": " + text}; !slices.Equal(got, want) {
		r.t.Errorf("warnings: got %q, want %q", got, want)
	}
}
