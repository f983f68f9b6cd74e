//go:build e2e

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clusterflow/clusterflow/engine/faults"
	"github.com/clusterflow/clusterflow/engine/state"
)

// The engine is killed at random moments, again and again, until it gets to the
// end. Then everything begins anew, until it was killed often enough.
func TestKillEngine(t *testing.T) {
	s := newSite(t, pipeline())
	s.undisturbed(t)
	var sum tally
	for sum.kills < kills(t) {
		s.recover(&sum, func() *faults.Fault {
			if s.random.IntN(3) == 0 {
				return nil // else it would hardly ever get to its end
			}
			return &faults.Fault{After: s.moment(), Strike: faults.Signal(os.Kill)}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("engine: %v", sum)
}

// A plugin is killed at random moments; the engine goes on where it may.
func TestKillPlugin(t *testing.T) {
	s := newSite(t, pipeline())
	s.undisturbed(t)
	var sum tally
	for sum.kills < kills(t) {
		s.recover(&sum, func() *faults.Fault {
			return &faults.Fault{After: s.moment(), Strike: s.killPlugin}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("plugins: %v", sum)
}

// killPlugin kills one process of the site that is a plugin.
func (s *site) killPlugin(faults.Process) error {
	for _, pid := range s.plugins() {
		if pid > 1 {
			err := syscall.Kill(pid, syscall.SIGKILL)
			if errors.Is(err, syscall.ESRCH) {
				err = nil
			}
			return err
		}
	}
	return nil
}

// plugins lists the plugin processes of the site, in random order.
func (s *site) plugins() []int {
	var out []int
	for pid, command := range s.processes() {
		if strings.Contains(command, "clusterflow-plugin-") {
			out = append(out, pid)
		}
	}
	return out
}

// tally sums up what faults did.
type tally struct {
	rounds, runs, kills int
	repeated            int // commands that ran again, as they may
	asked               int // orders of which nobody knew
}

func (t tally) String() string {
	return fmt.Sprintf("%d faults in %d runs, %d times to the end; %d commands ran again, %d times somebody was asked",
		t.kills, t.runs, t.rounds, t.repeated, t.asked)
}

// recover applies until a run succeeds, with faults, and checks everything.
func (s *site) recover(sum *tally, next func() *faults.Fault) {
	s.t.Helper()
	s.fresh()
	sum.rounds++
	done := map[string]bool{} // phases that were reported or recorded as done
	reruns := map[string]int{}
	var flags []string
	for attempt := 0; ; attempt++ {
		if attempt > 200 {
			s.t.Fatal("it does not converge")
		}
		before := s.ledger()
		ending := s.apply(next(), flags...)
		sum.runs++
		if ending.Struck {
			sum.kills++
		}
		for _, name := range ending.Started() {
			if done[name] {
				s.t.Errorf("run %d: %s was done and ran again\n%s", attempt, name, ending.Talk)
			}
		}
		s.remember(done, ending)
		if ending.Code == 0 {
			break
		}
		if ending.Code == 4 {
			s.t.Fatalf("run %d: exit code %d\n%s", attempt, ending.Code, ending.Talk)
		}
		flags = s.answer(ending, before, reruns)
		sum.asked += len(flags) / 2
		s.noOrphans()
	}
	for _, n := range s.ledger().ran {
		sum.repeated += n - 1
	}
	s.converged(reruns)
	s.settled()
	s.clean()
}

// remember notes what counts as done: what the run has told, and what it has
// recorded. It must be the same.
func (s *site) remember(done map[string]bool, ending faults.Ending) {
	s.t.Helper()
	recorded, err := state.Read(filepath.Join(s.state, "site"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range ending.Succeeded() {
		if recorded.Success(name) == nil {
			s.t.Errorf("%s was reported as done, and is forgotten", name)
		}
		done[name] = true
	}
	for name := range recorded.Nodes {
		if recorded.Success(name) != nil {
			done[name] = true
		}
	}
}

// answer decides about orders of which nobody knows whether they were done, as a
// person would: by the ledger.
func (s *site) answer(ending faults.Ending, before ledger, reruns map[string]int) (flags []string) {
	s.t.Helper()
	asked := regexp.MustCompile(`--rerun '(phase\.p\d+)'`).FindAllStringSubmatch(ending.Talk, -1)
	var names []string
	for _, m := range asked {
		names = append(names, m[1])
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if before.ended[name] > 0 {
			s.t.Errorf("%s was done, and apply asks about it", name)
		}
		reruns[name]++
		flags = append(flags, "--rerun", name)
	}
	return flags
}
