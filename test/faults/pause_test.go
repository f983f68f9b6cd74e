//go:build e2e

package faults

import (
	"strings"
	"syscall"
	"testing"

	"github.com/clusterflow/clusterflow/engine/faults"
)

// An engine that is stopped as a whole keeps its lock. When it goes on, it goes on
// as if nothing had been.
func TestStopEngine(t *testing.T) {
	s := newSite(t, pipeline())
	s.undisturbed(t)
	s.fresh()
	ending := s.apply(&faults.Fault{At: faults.Nth(size), Strike: func(p faults.Process) error {
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		other, err := faults.Drive(t.Context(), s.local, s.argv("--auto-approve"), nil)
		if err != nil || other.Code != 1 || !strings.Contains(other.Talk, "another clusterflow (pid ") {
			t.Errorf("while the first one is stopped: exit code %d, %v\n%s", other.Code, err, other.Talk)
		}
		return p.Signal(syscall.SIGCONT)
	}})
	if ending.Code != 0 || !ending.Struck {
		t.Errorf("exit code %d, struck %v\n%s", ending.Code, ending.Struck, ending.Talk)
	}
	s.converged(nil)
	s.settled()
	s.clean()
}
