//go:build lab

package tests

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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

func (before traces) empty() bool {
	return len(before.mounts)+len(before.groups)+len(before.processes)+len(before.files)+len(before.locks)+len(before.networks) == 0
}

func (before traces) String() string {
	return fmt.Sprintf("mounts %q\ngroups %q\nprocesses %q\nfiles %q\nlocks %q\nnetworks %q", before.mounts, before.groups, before.processes, before.files, before.locks, before.networks)
}
