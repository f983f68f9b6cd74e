package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hierarchy is one tree of control groups.
type hierarchy struct {
	mount string // where it is mounted
	path  string // of this process in it
}

// readHierarchies answers the trees of control groups that this machine has mounted.
func readHierarchies() ([]hierarchy, error) {
	return hierarchiesOf("self")
}

// hierarchiesOf answers them with the path of the process pid.
func hierarchiesOf(pid string) ([]hierarchy, error) {
	own, err := os.ReadFile(filepath.Join("/proc", pid, "cgroup"))
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	found := parseHierarchies(string(own), string(mounts))
	if len(found) == 0 {
		return nil, errors.New("find control groups: none are mounted")
	}
	return found, nil
}

// parseHierarchies joins what /proc/PID/cgroup and /proc/self/mountinfo say.
// Trees that are not mounted are left out.
func parseHierarchies(own, mounts string) []hierarchy {
	var found []hierarchy
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // id:controllers:path
		if len(parts) != 3 {
			continue
		}
		if mount := mountOf(mounts, parts[1]); mount != "" {
			found = append(found, hierarchy{mount: mount, path: parts[2]})
		}
	}
	return found
}

// mountOf answers where the tree of controllers, or of version 2 if there are
// none, is mounted; "" if nowhere.
func mountOf(mounts, controllers string) string {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		f, source := strings.Fields(before), strings.Fields(after) // source: type, device, options
		if len(f) < 5 || len(source) < 3 {
			continue
		}
		switch {
		case controllers == "" && source[0] == "cgroup2":
			return f[4]
		case controllers != "" && source[0] == "cgroup" && hasAll(source[2], controllers):
			return f[4]
		}
	}
	return ""
}

func hasAll(options, controllers string) bool {
	have := strings.Split(options, ",")
	for _, c := range strings.Split(controllers, ",") {
		if !slices.Contains(have, c) {
			return false
		}
	}
	return true
}

// groupsFor answers where a process that joins the host of process leader
// belongs: beside the leader, not above it.
func groupsFor(leader int) (groups, error) {
	hierarchies, err := hierarchiesOf(fmt.Sprint(leader))
	if err != nil {
		return nil, err
	}
	var g groups
	for _, h := range hierarchies {
		dir := filepath.Join(h.mount, h.path)
		if filepath.Base(dir) == "init.scope" { // systemd's own
			dir = filepath.Join(filepath.Dir(dir), "lab.scope")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, err
			}
		}
		g = append(g, dir)
	}
	return g, nil
}
