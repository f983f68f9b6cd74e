//go:build e2e

package faults

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
)

// crashing has a child of a plugin that knows a secret and lives for a while.
const crashing = `
variable "password" {
  type      = string
  sensitive = true
}
phase "core.exec" "wait" {
  command    = ["sh", "-c", "echo begins; sleep 20; :"]
  secret_env = { PASSWORD = var.password }
}
`

// Whatever dies of a signal that makes a core, engine, plugin or what that started,
// leaves none, even if the user wants cores.
func TestNoCoreFiles(t *testing.T) {
	s := newSite(t, crashing)
	s.fresh()
	dumps := dumpsCores(t)
	s.local.Env = append(s.local.Env, "CLUSTERFLOW_VAR_password="+canaryVariable, "GOTRACEBACK=crash")
	wanting := []string{"sh", "-c", "ulimit -S -c unlimited 2>/dev/null; exec \"$@\"", "sh"}
	checked := 0
	ending := s.drive(&faults.Fault{
		At: func(e event.Event) bool {
			log, ok := e.Body.(event.NodeLog)
			return ok && log.Message == "begins"
		},
		Strike: func(p faults.Process) error {
			for pid, command := range s.processes() { // children come first or not, each dies of its own signal
				if limit := coreLimit(pid); limit > 1 {
					t.Errorf("%s has a core limit of %d", command, limit)
				}
				checked++
				if pid != p.PID() && pid > 1 {
					_ = syscall.Kill(pid, syscall.SIGSEGV) // it may have died with another
				}
			}
			return p.Signal(syscall.SIGABRT)
		},
	}, append(wanting, s.argv("--auto-approve")...)...)
	if checked < 3 || !ending.Struck || ending.Code == 0 {
		t.Errorf("exit code %d, struck %v, %d processes", ending.Code, ending.Struck, checked)
	}
	s.noOrphans()
	for _, name := range tree(t, s.dir) {
		if strings.HasPrefix(filepath.Base(name), "core") {
			text, err := os.ReadFile(filepath.Join(s.dir, name))
			t.Errorf("a core file: %s, %v, with the secret: %v", name, err, strings.Contains(string(text), canaryVariable))
		}
	}
	t.Logf("%d processes crashed; others leave cores here: %v", checked, dumps)
}

// coreLimit is the soft limit of a process, 0 if it is gone and -1 if nothing tells.
func coreLimit(pid int) int {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "limits"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(line, "Max core file size") {
			limit, err := strconv.Atoi(fields[4])
			if err != nil { // unlimited
				return int(^uint(0) >> 1)
			}
			return limit
		}
	}
	return -1
}

// dumpsCores reports whether a program without our care leaves a core here.
func dumpsCores(t *testing.T) bool {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	local := faults.Local{Dir: dir, Env: []string{"PATH=" + os.Getenv("PATH")}}
	p, err := local.Start(ctx, []string{"sh", "-c", "ulimit -S -c unlimited; kill -SEGV $$"}, os.Stderr, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return len(tree(t, dir)) > 0
}
