package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

// A state that cannot be made durable stops the run: what runs is waited for,
// nothing new starts, and what was begun is found again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	r := newRig(t, fmt.Sprintf(interruptible, "thing", ""))
	r.dir = filepath.Join(dir, "state")
	result := r.apply(t.Context())
	r.expect(result, event.RunFailed, "a cancelled, b cancelled, late cancelled")
	if r.err == nil || !strings.Contains(r.err.Error(), "the disk is full") {
		t.Errorf("got error %v", r.err)
	}
	if got := r.w.took("apply "); len(got) > 0 {
		t.Errorf("applied %v", got)
	}
	end := r.events[len(r.events)-1].Body.(event.RunEnded)
	if end.Problem == nil || !strings.Contains(end.Problem.Hint, "free space") {
		t.Errorf("the end of the run does not say what to do: %+v", end.Problem)
	}
}

// The journal breaks while a phase runs.
func TestJournalBreaks(t *testing.T) {
	r := newRig(t, fmt.Sprintf(interruptible, "thing", "gate"))
	gate := make(chan struct{})
	r.w.gates["phase.a"] = gate
	wait := r.background(func() {
		r.await("phase.a")
		breakJournal(t, r.dir)
		close(gate)
	})
	result := r.apply(t.Context())
	wait()
	if result.Status != event.RunFailed || r.err == nil {
		t.Errorf("got %s, %v", result.Status, r.err)
	}
	if got := r.w.took("apply "); !slices.Equal(got, []string{"phase.a 1"}) {
		t.Errorf("applied %v", got)
	}
	if r.ended("a").Status != event.Succeeded || r.ended("b").Status != event.Cancelled {
		t.Errorf("got %s", r.statuses())
	}
}

// breakJournal makes every write to the journal of this process fail, by putting
// the read end of a pipe in the place of its file.
func breakJournal(t *testing.T, dir string) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skip("no /proc")
	}
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), out.Close() })
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || target != filepath.Join(dir, "journal") {
			continue
		}
		var fd int
		if _, err := fmt.Sscan(filepath.Base(link), &fd); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(in.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the journal is not open")
}
