//go:build e2e

package faults

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// The engine takes at most baseMemory, and callMemory for each call under way of a
// plugin that says as much as it can at a time: a message of 64 MiB is held as it
// came and decoded. It keeps no more of a message than it shows.
const (
	baseMemory = 64 << 20
	callMemory = 256 << 20
)

// A plugin that talks without end fills no memory.
func TestMemoryIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		how   string
		calls int
	}{
		"lines without end":     {fmt.Sprintf("logs %d", 12_500*kills(t)), 1},
		"lines of a megabyte":   {"long_logs 500", 2},
		"a record too long":     {"record 60000000", 2},
		"a checkpoint too long": {"checkpoint 60000000", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, fmt.Sprintf("phase \"rogue.act\" \"loud\" {\n  for_each = range(%d)\n  how = %q\n}\n", tt.calls, tt.how))
			argv := s.argv("--auto-approve")
			cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
			cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.local.Dir, s.local.Env, io.Discard, os.Stderr
			began := time.Now()
			err := cmd.Run()
			usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if !ok {
				t.Fatalf("%v", err)
			}
			most := usage.Maxrss << 10
			t.Logf("exit code %d in %v, at most %d MiB", cmd.ProcessState.ExitCode(), time.Since(began).Round(time.Millisecond), most>>20)
			if bound := int64(baseMemory + tt.calls*callMemory); most > bound {
				t.Errorf("the engine took %d MiB, want at most %d", most>>20, bound>>20)
			}
		})
	}
}
