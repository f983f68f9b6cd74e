//go:build lab

package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// childVariable makes this test program bring up the lab it names and wait to be killed.
const childVariable = "CLUSTERFLOW_LAB_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		m.Run()
		return
	}
	if _, err := lab.Up(context.Background(), lab.Options{Name: name, Hosts: 2}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println("up")
	select {}
}

func TestDownLeavesNothing(t *testing.T) {
	labtest.Require(t)
	name := labtest.Name(t)
	l, err := lab.Up(t.Context(), lab.Options{Name: name, Hosts: 2, Images: true, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	runPod(t, l.Host("n1"))
	traces := tracesOf(t, name)
	if len(traces.networks) != 3 || len(traces.processes) < 10 || len(traces.mounts) < 5 || len(traces.files) < 3 || len(traces.locks) != 2 || len(traces.groups) == 0 {
		t.Errorf("a running lab has too few traces to tell whether they go:\n%s", traces)
	}
	if err := l.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := traces.left(t); !left.empty() {
		t.Errorf("left after down:\n%s", left)
	}
}

// A lab whose process was killed is removed by whoever comes next, and a lab
// that is in use is not.
func TestKilledLabIsRemoved(t *testing.T) {
	labtest.Require(t)
	inUse := labtest.Up(t, lab.Options{})
	for _, until := range []string{"record", "net/bridge", "n2/console", "n1/leader", ""} {
		t.Run("killed after "+until, func(t *testing.T) {
			name := lab.NameOf("kill", labtest.Name(t))
			traces := killAfter(t, name, filepath.Join(stateRoot(), name, until), until == "")
			next := labtest.Up(t, lab.Options{})
			if left := traces.left(t); !left.empty() {
				t.Errorf("after the next lab came up there is of %s:\n%s", name, left)
			}
			run(t, next.Host("n1"), "true")
			run(t, inUse.Host("n1"), "crictl", "version")
		})
	}
}

// killAfter starts a process that brings up a lab and kills it once file exists,
// or the lab is up, and answers what it had until then.
func killAfter(t *testing.T, name, file string, up bool) traces {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if up {
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
			t.Fatalf("the child says %q, %v, want up", line, err)
		}
	} else {
		waitForFile(t, file)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that it was killed
	return tracesOf(t, name)
}

func waitForFile(t *testing.T, file string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("wait for %s: %v", file, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func TestNameInUse(t *testing.T) {
	l := labtest.Up(t, lab.Options{})
	if _, err := lab.Up(t.Context(), lab.Options{Name: l.Name}); !errors.Is(err, lab.ErrInUse) {
		t.Errorf("a second lab of that name: got %v, want %v", err, lab.ErrInUse)
	}
	if err := lab.Remove(t.Context(), l.Name); !errors.Is(err, lab.ErrInUse) {
		t.Errorf("removal by another: got %v, want %v", err, lab.ErrInUse)
	}
	found, err := lab.Open(l.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, found.Host("n1"), "hostname"); got != "n1\n" {
		t.Errorf("found host has the name %q, want n1", got)
	}
	if _, err := lab.Open("nobody"); !errors.Is(err, lab.ErrNotUp) {
		t.Errorf("open of no lab: got %v, want %v", err, lab.ErrNotUp)
	}
}

// stateRoot is where labs have their state.
func stateRoot() string {
	if dir := os.Getenv("CLUSTERFLOW_LAB_DIR"); dir != "" {
		return dir
	}
	return "/var/lib/clusterflow-lab"
}

// traces are what a lab has on this machine.
type traces struct {
	name                                              string
	mounts, groups, processes, files, locks, networks []string
}

// tracesOf finds them by the name of the lab, which is in all of them, and
// its network namespaces by the files that keep them.
func tracesOf(t *testing.T, name string) traces {
	t.Helper()
	found := traces{name: name}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if !strings.Contains(line, name) {
			continue
		}
		point := strings.Fields(line)[4]
		found.mounts = append(found.mounts, point)
		var stat syscall.Stat_t
		if strings.Contains(line, " - nsfs ") && syscall.Stat(point, &stat) == nil {
			found.networks = append(found.networks, fmt.Sprintf("net:[%d]", stat.Ino))
		}
	}
	found.processes = processesWith(t, "cgroup", "clusterflow-lab-"+name)
	for root, into := range map[string]*[]string{"/sys/fs/cgroup": &found.groups, stateRoot(): &found.files, "/run": &found.files} {
		if err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && strings.Contains(entry.Name(), name) {
				*into = append(*into, path)
			}
			if err != nil || strings.HasPrefix(path, stateRoot()+"/") && entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	found.locks = locksOf(t, name)
	return found
}

// locksOf answers the locks that systemd-nspawn has of the hosts of labs.
func locksOf(t *testing.T, lab string) []string {
	t.Helper()
	roots, err := filepath.Glob(filepath.Join(stateRoot(), lab, "n*", "root"))
	if err != nil {
		t.Fatal(err)
	}
	var locks []string
	for _, root := range roots {
		var stat syscall.Stat_t
		if err := syscall.Stat(root, &stat); err == nil {
			locks = append(locks, fmt.Sprintf("/run/systemd/nspawn/locks/inode-%d:%d", stat.Dev, stat.Ino))
		}
	}
	return locks
}

// processesWith answers the processes whose file in /proc has text.
func processesWith(t *testing.T, file, text string) []string {
	t.Helper()
	var found []string
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range all {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if target, linkErr := os.Readlink(filepath.Join(dir, file)); linkErr == nil {
			content, err = []byte(target), nil
		}
		if err == nil && strings.Contains(string(content), text) {
			found = append(found, filepath.Base(dir))
		}
	}
	return found
}

// left answers what there still is of before. Ended processes of which the
// machine has yet to take note are waited for.
func (before traces) left(t *testing.T) traces {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		now := tracesOf(t, before.name)
		others := locksOf(t, "*") // numbers may be in use again
		for _, lock := range before.locks {
			if _, err := os.Stat(lock); err == nil && !slices.Contains(others, lock) {
				now.locks = append(now.locks, lock)
			}
		}
		for _, network := range before.networks {
			for _, pid := range processesWith(t, "ns/net", network) {
				if !slices.Contains(processesWith(t, "cgroup", "clusterflow-lab-"), pid) { // the number may be in use again
					now.networks = append(now.networks, network)
				}
			}
		}
		if now.empty() || ctx.Err() != nil {
			return now
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (tr traces) empty() bool {
	return len(tr.mounts)+len(tr.groups)+len(tr.processes)+len(tr.files)+len(tr.locks)+len(tr.networks) == 0
}

func (tr traces) String() string {
	return fmt.Sprintf("mounts %q\ngroups %q\nprocesses %q\nfiles %q\nlocks %q\nnetworks %q", tr.mounts, tr.groups, tr.processes, tr.files, tr.locks, tr.networks)
}
