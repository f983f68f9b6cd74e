//go:build e2e

package faults

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
)

// stubborn has a phase that ignores Cancel, in a plugin that left a child in its
// group before, and one whose program ignores SIGTERM and has children of its own.
const stubborn = `
phase "echo.misbehave" "child" { how = "spawn" }
phase "echo.misbehave" "stuck" {
  how        = "ignore_cancel"
  depends_on = [phase.child]
}
phase "core.exec" "deaf" {
  command    = ["sh", "-c", "trap '' TERM INT; echo begins; sh -c \"trap '' TERM INT; sleep 60; :\""]
  depends_on = [phase.child]
}
phase "echo.say" "after" {
  text       = "after"
  depends_on = [phase.stuck]
}
finally "core.file" "end" {
  path    = abspath("work/end")
  content = "x"
}
`

// Each Ctrl-C does what it shall, to phases that do not want to stop: the first one
// gives them their grace, the second one none, the third one ends everything. Nothing
// of theirs is left, nothing else is killed, and the next run goes on.
func TestStubborn(t *testing.T) {
	s := newSite(t, stubborn)
	bystander := s.bystander()
	for name, tt := range map[string]struct {
		signals int
		finally bool
		within  time.Duration // the grace of core.exec is 10 s, of its programs 5 s
	}{
		"once":        {1, true, 15 * time.Second},
		"twice":       {2, false, 4 * time.Second},
		"three times": {3, false, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.fresh()
			var began time.Time
			seen, said := 0, []string{}
			ending := s.apply(&faults.Fault{
				Again: true,
				At: func(e event.Event) bool {
					stopping, stops := e.Body.(event.RunStopping)
					log, logs := e.Body.(event.NodeLog)
					said = append(said, stopping.Running...)
					if logs && log.Message == "begins" {
						began = time.Now()
					} else if !stops {
						return false
					}
					seen++
					return seen <= tt.signals
				},
				Strike: faults.Signal(os.Interrupt),
			})
			took := time.Since(began)
			t.Logf("exit code %d, %v after the first signal", ending.Code, took.Round(time.Millisecond))
			if ending.Code != 130 || took > tt.within {
				t.Errorf("exit code %d after %v, want 130 within %v\n%s", ending.Code, took, tt.within, ending.Talk)
			}
			if !slices.Contains(said, "phase.stuck") || !slices.Contains(said, "phase.deaf") {
				t.Errorf("it says that %q run, want stuck and deaf among them", said)
			}
			if _, err := os.Stat(filepath.Join(s.work(), "end")); (err == nil) != tt.finally {
				t.Errorf("finally: %v, want that it ran: %v", err, tt.finally)
			}
			s.noOrphans()
			if again := s.apply(&faults.Fault{At: faults.Nth(6), Strike: faults.Signal(os.Kill)}, "--exclude", "phase.deaf"); strings.Contains(again.Talk, "damaged") {
				t.Errorf("the journal is damaged\n%s", again.Talk)
			}
		})
	}
	if err := bystander.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	if code, err := bystander.Wait(); code != -1 || err != nil {
		t.Errorf("a process that is nobody's business ended before: code %d, %v", code, err)
	}
}

// bystander is a process that would end by itself when it is asked to.
func (s *site) bystander() faults.Process {
	s.t.Helper()
	p, err := faults.Local{Dir: s.dir, Env: []string{"PATH=" + os.Getenv("PATH")}}.Start(s.t.Context(),
		[]string{"sh", "-c", "trap 'exit 7' TERM INT HUP; while :; do sleep 0.1; done"}, os.Stderr, os.Stderr)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}
