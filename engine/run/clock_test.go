package run

import (
	"sync"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// A clock that is set back and forth while a run goes on changes nothing but the
// dates: all phases run, in their order, and are found done by the next run.
func TestClockSteps(t *testing.T) {
	const chain = `phase "t.thing" "a" {
  name = "a"
  how  = "fail 1"
  retry {
    attempts = 2
    backoff  = "1ms..1ms"
  }
}
phase "t.thing" "b" {
  name  = "b"
  value = phase.a.id
}
phase "t.thing" "c" {
  name    = "c"
  value   = phase.b.id
  timeout = "10s"
}
finally "t.thing" "end" { name = "end" }
`
	start := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for name, steps := range map[string][]time.Duration{
		"back":       {0, -time.Hour, -2 * time.Hour, -3 * time.Hour},
		"forth":      {0, 24 * time.Hour, 48 * time.Hour},
		"to and fro": {0, time.Hour, -time.Hour, 9000 * time.Hour, -9000 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, chain)
			var mu sync.Mutex
			asked := 0
			r.opts.Clock = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				asked++
				return start.Add(steps[asked%len(steps)])
			}
			r.expect(r.apply(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, c succeeded, finally.end succeeded")
			for _, n := range r.state().Nodes {
				if n.Took < 0 {
					t.Errorf("%s took %v", n.Address, n.Took)
				}
			}
			r.expect(r.apply(t.Context()), event.RunSucceeded, "a unchanged, b unchanged, c unchanged, finally.end skipped")
			r.expect(r.undo(t.Context()), event.RunSucceeded, "a succeeded, b succeeded, c succeeded, finally.end succeeded")
			if len(r.w.things) > 0 {
				t.Errorf("left: %v", r.w.things)
			}
		})
	}
}
