package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// The files of a base directory, beside the state directories in it. No pipeline
// has names like these.
const (
	hostLockName  = ".lock"
	hostOwnerName = ".owner.json"
)

// Host is the right to change a host: of all pipelines whose states share a base
// directory, one at a time has it.
type Host struct {
	guard guard
	lock  *flock.Flock
}

// TakeHost takes the base directory and makes it when absent. The error is a
// [*LockedError] when another process has it.
func TakeHost(base string, owner Owner) (*Host, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return nil, fmt.Errorf("open state directory %s: %w", base, err)
	}
	g := guard{base, hostLockName, hostOwnerName}
	lock, err := g.take(owner)
	if err != nil {
		return nil, err
	}
	return &Host{g, lock}, nil
}

// Close gives the base directory free, and removes it if nothing is in it.
func (h *Host) Close() error {
	entries, err := os.ReadDir(h.guard.dir)
	empty := err == nil
	for _, e := range entries {
		empty = empty && (e.Name() == hostLockName || e.Name() == hostOwnerName)
	}
	if !empty {
		return h.guard.free(h.lock)
	}
	// The file goes while it is locked: whoever waits for it notices.
	err = os.Remove(filepath.Join(h.guard.dir, hostLockName))
	err = errors.Join(err, h.guard.free(h.lock))
	_ = os.Remove(h.guard.dir) // unless somebody else uses it by now
	return err
}

// HostOwner returns who has a base directory, if a process of this machine that
// lives says so. It takes no lock.
func HostOwner(base string) (Owner, bool) {
	var o Owner
	text, err := os.ReadFile(filepath.Join(base, hostOwnerName))
	if err != nil || json.Unmarshal(text, &o) != nil || !o.Here() {
		return Owner{}, false
	}
	process, err := os.FindProcess(o.PID)
	if err != nil {
		return Owner{}, false
	}
	defer func() { _ = process.Release() }()
	err = process.Signal(syscall.Signal(0))
	return o, err == nil || errors.Is(err, syscall.EPERM)
}
