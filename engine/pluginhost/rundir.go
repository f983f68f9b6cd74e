package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// maxSocketPath is how long the path of a unix socket may be in bytes, without
	// the closing zero, everywhere: sockaddr_un has room for 108 with it on Linux,
	// 104 on BSD and macOS.
	maxSocketPath = 103
	// socketName is as long as what go-plugin appends to its directory.
	socketName = "/plugin-dir1234567890/plugin1234567890"

	enginePrefix = "e-"
)

// runDir is a directory for the sockets of one host. A lock on the directory
// itself tells others that the host lives.
type runDir struct {
	path string
	lock *os.File
}

// openRunDir makes a directory under base and removes those of dead hosts.
func openRunDir(base string) (*runDir, error) {
	base, err := runBase(base)
	if err != nil {
		return nil, err
	}
	all, err := lockDir(base, true)
	if err != nil {
		return nil, fmt.Errorf("lock run directory: %w", err)
	}
	defer func() { _ = all.Close() }()
	sweep(base)
	path, err := os.MkdirTemp(base, enginePrefix)
	if err != nil {
		return nil, fmt.Errorf("make run directory: %w", err)
	}
	lock, err := lockDir(path, false)
	if err != nil {
		return nil, fmt.Errorf("lock run directory: %w", errors.Join(err, os.Remove(path)))
	}
	return &runDir{path: path, lock: lock}, nil
}

func (d *runDir) close() error {
	return errors.Join(os.RemoveAll(d.path), d.lock.Close())
}

// sweep removes what hosts left that were killed. It is best effort: what cannot
// be removed does no harm.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), enginePrefix) {
			continue
		}
		path := filepath.Join(base, e.Name())
		lock, err := lockDir(path, false)
		if err != nil {
			continue // it lives
		}
		_ = os.RemoveAll(path)
		_ = lock.Close()
	}
}

// sweepAll is for a host that had no use for a directory: killed ones may have left
// theirs nevertheless.
func sweepAll(base string) {
	bases := runBases()
	if base != "" {
		bases = []string{base}
	}
	for _, base := range bases {
		info, err := os.Stat(base)
		if err != nil || !info.IsDir() || ownedByUs(info) != nil {
			continue // there is none of ours
		}
		all, err := lockDir(base, false)
		if err != nil {
			continue // another host sweeps right now
		}
		sweep(base)
		_ = all.Close()
	}
}

// runBase makes the directory for all hosts of this user: the given one, or the
// first of the usual places that will do.
func runBase(path string) (string, error) {
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", fmt.Errorf("make run directory: %w", err)
		}
		return abs, makePrivate(abs)
	}
	var errs []error
	for _, candidate := range runBases() {
		err := makePrivate(candidate)
		if err == nil {
			return candidate, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

func runBases() []string {
	var out []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		out = append(out, filepath.Join(dir, "clusterflow"))
	}
	own := "clusterflow-" + strconv.Itoa(os.Getuid())
	out = append(out, "/run/clusterflow", filepath.Join(os.TempDir(), own))
	return append(out, filepath.Join("/tmp", own)) // macOS has a long TMPDIR
}

func makePrivate(path string) error {
	if long := len(path) + len("/"+enginePrefix+"1234567890"+socketName) - maxSocketPath; long > 0 {
		return sdk.Hint(fmt.Errorf("use run directory %s: its path is %d bytes too long to hold unix sockets", path, long),
			"Choose a shorter one, such as /run/clusterflow.")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make run directory: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("make run directory: %w", err)
	}
	if err := ownedByUs(info); err != nil {
		return sdk.Hint(fmt.Errorf("use run directory %s: %w", path, err),
			"Remove it, or choose a directory that only you can write to.")
	}
	return nil
}
