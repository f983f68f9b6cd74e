//go:build e2e

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
)

// A plugin that is stopped as a whole does not keep the engine from ending: asked
// to stop, it kills what does not answer.
func TestStopPlugin(t *testing.T) {
	s := newSite(t, pipeline())
	s.undisturbed(t)
	for range max(1, kills(t)/8) {
		s.fresh()
		ending := s.apply(&faults.Fault{After: s.moment(), Strike: func(p faults.Process) error {
			for _, pid := range s.plugins() {
				if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && pid > 1 {
					return err
				}
			}
			return p.Signal(os.Interrupt)
		}})
		if ending.Took > s.took+10*time.Second {
			t.Errorf("it took %v to end", ending.Took)
		}
		s.noOrphans()
		t.Logf("stopped: exit code %d after %v", ending.Code, ending.Took.Round(time.Millisecond))
		var sum tally
		s.finish(&sum, ending)
	}
}

// finish lets a run that was disturbed come to its end.
func (s *site) finish(sum *tally, ending faults.Ending) {
	s.t.Helper()
	reruns := map[string]int{}
	for attempt := 0; ending.Code != 0; attempt++ {
		if attempt > 3 {
			s.t.Fatalf("it does not converge: exit code %d\n%s", ending.Code, ending.Talk)
		}
		flags := s.answer(ending, s.ledger(), reruns)
		sum.asked += len(flags) / 2
		ending = s.apply(nil, flags...)
		sum.runs++
	}
	s.converged(reruns)
	s.settled()
	s.clean()
}

// Interrupts at random events, one, two or three at once.
func TestInterrupt(t *testing.T) {
	s := newSite(t, pipeline())
	s.undisturbed(t)
	var sum tally
	for i := range kills(t) {
		s.fresh()
		signals := []os.Signal{os.Interrupt, syscall.SIGTERM, os.Interrupt}[:1+i%3]
		ending := s.apply(&faults.Fault{At: faults.Nth(1 + s.random.IntN(4*size)), Strike: faults.Signal(signals...)})
		if ending.Struck && ending.Code != 130 && ending.Code != 0 {
			t.Errorf("%d signals: exit code %d\n%s", len(signals), ending.Code, ending.Talk)
		}
		sum.kills++
		s.noOrphans()
		s.finish(&sum, ending)
	}
	t.Logf("interrupts: %v", sum)
}

// Of several engines at once one works, and the others say so.
func TestTwoEngines(t *testing.T) {
	s := newSite(t, pipeline())
	s.undisturbed(t)
	refused := 0
	for range max(2, kills(t)/4) {
		s.fresh()
		endings := make(chan faults.Ending, 3)
		for range cap(endings) {
			go func() {
				ending, err := faults.Drive(t.Context(), s.local, s.argv("--auto-approve"), nil)
				if err != nil {
					t.Error(err)
				}
				endings <- ending
			}()
		}
		for range cap(endings) {
			switch ending := <-endings; {
			case ending.Code == 0:
			case strings.Contains(ending.Talk, "another clusterflow") || strings.Contains(ending.Talk, "at the same moment"):
				refused++
			default:
				t.Errorf("exit code %d\n%s", ending.Code, ending.Talk)
			}
		}
		s.converged(nil)
		s.settled()
		s.clean()
	}
	if refused == 0 {
		t.Error("no engine was refused")
	}
	t.Logf("engines at once: %d refused", refused)
}

// tmpfs is a small disk at a directory, until the test ends.
func tmpfs(t *testing.T, dir, size string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("mount a small disk: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// fill takes all space that is left, so many bytes less.
func fill(t *testing.T, dir string, leave int64) (free func()) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Error(err)
	}
	name := filepath.Join(dir, "ballast")
	size := int64(disk.Bavail)*disk.Bsize - leave
	err := os.WriteFile(name, make([]byte, max(0, size)), 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) { // others may write, too
		t.Error(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// A full disk under the files that phases write: they fail and say what to do.
// Once there is space, the next apply finishes.
func TestFullDiskOfFiles(t *testing.T) {
	s := newSite(t, pipeline())
	s.fresh()
	tmpfs(t, s.work(), "4m")
	free := fill(t, s.work(), 40<<10)
	ending := s.apply(nil)
	if ending.Code != 1 || !strings.Contains(fmt.Sprint(problems(ending)), "no space left on device") {
		t.Errorf("exit code %d: %v", ending.Code, problems(ending))
	}
	for _, name := range tree(t, s.work()) {
		if strings.Contains(name, ".clusterflow-") {
			t.Errorf("a file that did not fit is left: %s", name)
		}
	}
	t.Logf("full disk: %d phases done, %d failed", len(ending.Succeeded()), len(problems(ending)))
	free()
	var sum tally
	s.finish(&sum, ending)
}

// A full disk under the state: nothing begins. One that gets full while a run goes
// on does no harm: the space was reserved.
func TestFullDiskOfState(t *testing.T) {
	s := newSite(t, pipeline())
	s.fresh()
	tmpfs(t, s.state, "16m")
	free := fill(t, s.state, 100<<10)
	ending := s.apply(nil)
	if ending.Code != 1 || len(ending.Started()) > 0 {
		t.Errorf("full from the start: exit code %d, %d phases began", ending.Code, len(ending.Started()))
	}
	free()
	var filled func()
	ending = s.apply(&faults.Fault{At: faults.Nth(size), Strike: func(faults.Process) error {
		filled = fill(t, s.state, 0)
		return nil
	}})
	if ending.Code != 0 || !ending.Struck {
		t.Errorf("full in the middle: exit code %d\n%s", ending.Code, ending.Talk)
	}
	filled()
	s.converged(nil)
	s.settled()
}

// A state directory that cannot be written: nothing begins, and it says why.
func TestReadOnlyState(t *testing.T) {
	s := newSite(t, pipeline())
	s.fresh()
	tmpfs(t, s.state, "16m")
	remount := func(flags uintptr) {
		if err := syscall.Mount("", s.state, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	ending := s.apply(nil)
	remount(0)
	if ending.Code != 1 || len(ending.Started()) > 0 || !strings.Contains(ending.Talk, "read-only") {
		t.Errorf("exit code %d, %d phases began\n%s", ending.Code, len(ending.Started()), ending.Talk)
	}
	s.must()
	s.converged(nil)
}

// problems are those of the phases that failed.
func problems(ending faults.Ending) []string {
	var out []string
	for _, e := range ending.Events {
		if end, ok := e.Body.(event.NodeEnded); ok && end.Status == event.Failed && end.Problem != nil {
			out = append(out, end.Problem.Message+": "+end.Problem.Hint)
		}
	}
	return out
}
