package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	groupPrefix = "clusterflow-lab-"
	endWithin   = time.Minute
)

// groups are the directories of one control group, one for each hierarchy that
// the machine has: one with cgroup version 2, about ten with version 1.
type groups []string

// newGroups answers which control groups the lab called name has. It makes none.
// With version 1 they are below those of this process, so that they keep its
// limits; with version 2 they are at the top, because only there may a group
// have both processes and children.
func newGroups(name string) (groups, error) {
	hierarchies, err := readHierarchies()
	if err != nil {
		return nil, err
	}
	var g groups
	for _, h := range hierarchies {
		below := h.path
		if len(hierarchies) == 1 {
			below = "/"
		}
		g = append(g, filepath.Join(h.mount, below, groupPrefix+name))
	}
	return g, nil
}

// of are the groups of the host called name.
func (g groups) of(name string) groups {
	hosts := make(groups, len(g))
	for i, dir := range g {
		hosts[i] = filepath.Join(dir, name)
	}
	return hosts
}

// make makes the groups of a host and those above it.
func (g groups) make() error {
	for _, dir := range g {
		for _, dir := range []string{filepath.Dir(dir), dir} {
			if err := makeGroup(dir); err != nil {
				return fmt.Errorf("make control group %s: %w", dir, err)
			}
		}
	}
	return nil
}

func makeGroup(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := enableControllers(filepath.Dir(dir)); err != nil {
		return err
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} { // empty in a new group of version 1
		own, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || strings.TrimSpace(string(own)) != "" {
			continue
		}
		above, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), above, 0o644); err != nil && len(strings.TrimSpace(string(above))) > 0 {
			return err
		}
	}
	return nil
}

// enableControllers lets the children of a version 2 group have its controllers.
func enableControllers(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil || len(strings.Fields(string(have))) == 0 {
		return nil // version 1, or version 2 without controllers
	}
	on := "+" + strings.Join(strings.Fields(string(have)), " +")
	err = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(on), 0o644)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: processes are in it, as in a container; move them to a group of their own first", err)
	}
	return err
}

// end ends every process in g and below and removes g. A process is signalled
// through a handle that was checked to be in the group, so that a process
// identifier in use again cannot hit a stranger.
func (g groups) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := g.members()
		if err != nil {
			return err
		}
		for _, pid := range left {
			if err := g.kill(pid); err != nil {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		if len(left) == 0 {
			// Busy: a process that was to join when its parent was killed has come in.
			if err := g.remove(); !errors.Is(err, unix.EBUSY) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of processes %v: %w", left, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// kill ends pid if it is in g.
func (g groups) kill(pid int) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	members, err := g.members()
	if err != nil || !slices.Contains(members, pid) {
		return err
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

// members answers the processes in g and below.
func (g groups) members() ([]int, error) {
	var pids []int
	for _, dir := range g {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a group that ended meanwhile
			}
			if err != nil || entry.Name() != "cgroup.procs" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
				return err
			}
			for _, field := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// remove removes g and all groups below. They must have no process.
func (g groups) remove() error {
	for _, top := range g {
		var dirs []string
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, dir := range slices.Backward(dirs) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove control group: %w", err)
			}
		}
	}
	return nil
}
