//go:build linux

package pluginhost_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func within(tb testing.TB, limit time.Duration, what string, done <-chan struct{}) {
	tb.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		tb.Fatalf("no %s within %v", what, limit)
	}
}

// eventually polls until the condition holds, for at most 10 s.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("not within 10 s: %s", what)
		}
	}
}

// state is the letter by which the kernel says what a process does, or "" if there
// is none.
func state(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	s := state(pid)
	return s != "" && s != "Z" && s != "X"
}

// stop stops a process and waits until it has noticed.
func stop(tb testing.TB, pid int) {
	tb.Helper()
	send(tb, pid, syscall.SIGSTOP)
	eventually(tb, "the process is stopped", func() bool { return state(pid) == "T" })
}

// send signals one process of this test. It refuses the numbers by which kill means
// whole groups or, as root, the whole machine.
func send(tb testing.TB, pid int, sig syscall.Signal) {
	tb.Helper()
	if pid <= 1 || pid == os.Getpid() {
		tb.Fatalf("signal %v to process %d: not one of this test's", sig, pid)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		tb.Errorf("signal %v to process %d: %v", sig, pid, err)
	}
}

// endLater kills a process when the test ends.
func endLater(tb testing.TB, pid int) {
	tb.Helper()
	if pid <= 1 {
		tb.Fatalf("process %d is not one of this test's", pid)
	}
	tb.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
}

// took logs how long something took, for the record. What should take milliseconds
// and hangs instead fails; 5 s leave room for a busy machine.
func took(tb testing.TB, what string, since time.Time) {
	tb.Helper()
	d := time.Since(since)
	tb.Logf("%s: %v", what, d.Round(10*time.Microsecond))
	if d > 5*time.Second {
		tb.Errorf("%s: got %v, want milliseconds", what, d)
	}
}
