package lab

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// ErrInUse means that a lab of that name exists and is not to be touched.
var ErrInUse = errors.New("lab is in use")

// ErrNotUp means that there is no lab of that name.
var ErrNotUp = errors.New("lab is not up")

const defaultRoot = "/var/lib/clusterflow-lab"

// root is where labs have their state: $CLUSTERFLOW_LAB_DIR or
// /var/lib/clusterflow-lab, without symbolic links, as the kernel names mounts.
func root() string {
	dir := os.Getenv("CLUSTERFLOW_LAB_DIR")
	if dir == "" {
		dir = defaultRoot
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	return dir
}

// NameOf makes a name of a lab that says its kind, such as "lab", and differs
// wherever what it is for differs, such as the directory of a clone.
func NameOf(kind string, of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return fmt.Sprintf("%s-%x", kind, sum[:4])
}

func checkName(name string) error {
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$`).MatchString(name) {
		return fmt.Errorf("lab name %q: it has lower case letters, digits and dashes inside, at most 20", name)
	}
	return nil
}

// stateDir is the directory of a lab, with the lock on it that this process holds.
type stateDir struct {
	path string
	lock *os.File
}

// record is what must be known to remove a lab, written before it is made.
type record struct {
	// Groups are the lab's control groups, one for each hierarchy.
	Groups groups
	// Hosts is how many there are.
	Hosts int
	// Kept says that the lab outlives the process that made it.
	Kept bool
}

// alive reports whether the lab is to be left alone: it was kept and still runs.
func (r record) alive() bool {
	members, err := r.Groups.members()
	return r.Kept && (err != nil || len(members) > 0)
}

func (d stateDir) bridge() string { return filepath.Join(d.path, "net", "bridge") }

func (d stateDir) host(number int) string { return filepath.Join(d.path, hostName(number)) }

func (d stateDir) root(number int) string { return filepath.Join(d.host(number), "root") }

// machine is what systemd-nspawn calls a host.
func (d stateDir) machine(number int) string { return filepath.Base(d.path) + "-" + hostName(number) }

func (d stateDir) save(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temp := filepath.Join(d.path, "record.tmp")
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(d.path, "record"))
}

// load reads the record. There is none when a lab was made no further than its directory.
func (d stateDir) load() (record, error) {
	var r record
	text, err := os.ReadFile(filepath.Join(d.path, "record"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s/record: %w", d.path, err)
	}
	return r, nil
}

// claim returns an empty state directory, locked, after removing what killed
// runs left of this lab and of others.
func claim(ctx context.Context, name string, log io.Writer) (stateDir, error) {
	if err := os.MkdirAll(root(), 0o700); err != nil {
		return stateDir{}, err
	}
	if err := sweep(ctx, log); err != nil {
		return stateDir{}, err
	}
	d, err := lockDir(name)
	if err != nil {
		return d, err
	}
	r, err := d.load()
	if err == nil && r.alive() {
		err = fmt.Errorf("%w: %s was left running on purpose; take it down first, with make lab-down", ErrInUse, name)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Join(d.path, "net"), 0o700)
	}
	if err != nil {
		return d, errors.Join(err, d.lock.Close())
	}
	return d, nil
}

// sweep removes the labs that nobody has: their process is gone and they were
// not to outlive it.
func sweep(ctx context.Context, log io.Writer) error {
	locks, err := filepath.Glob(filepath.Join(root(), "*.lock"))
	if err != nil {
		return err
	}
	for _, file := range locks {
		name := strings.TrimSuffix(filepath.Base(file), ".lock")
		d, err := lockDir(name)
		if errors.Is(err, ErrInUse) {
			continue
		}
		if err != nil {
			return err
		}
		r, err := d.load()
		if err != nil {
			return errors.Join(err, d.lock.Close())
		}
		if r.alive() {
			if err := d.lock.Close(); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(log, "lab: removing what a killed run left of %s\n", name)
		if err := d.remove(ctx); err != nil {
			return errors.Join(fmt.Errorf("remove what is left of lab %s: %w", name, err), d.lock.Close())
		}
		if err := d.release(); err != nil {
			return err
		}
	}
	return nil
}

// lockDir locks the directory of the lab called name, which need not exist. The
// kernel gives the lock back when this process dies.
func lockDir(name string) (stateDir, error) {
	path := filepath.Join(root(), name)
	for {
		f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return stateDir{}, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			if errors.Is(err, syscall.EWOULDBLOCK) {
				err = fmt.Errorf("%w: another process has %s", ErrInUse, name)
			}
			return stateDir{}, errors.Join(err, f.Close())
		}
		same, err := isStill(f, path+".lock")
		if err != nil {
			return stateDir{}, errors.Join(err, f.Close())
		}
		if same {
			return stateDir{path: path, lock: f}, nil
		}
		if err := f.Close(); err != nil { // its last holder removed it between open and lock
			return stateDir{}, err
		}
	}
}

// isStill reports whether name means the open file f.
func isStill(f *os.File, name string) (bool, error) {
	opened, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, named), err
}

// release gives up the name of a removed lab.
func (d stateDir) release() error {
	err := errors.Join(os.Remove(d.lock.Name()), d.lock.Close())
	if left, _ := os.ReadDir(root()); len(left) == 0 {
		err = errors.Join(err, os.Remove(root()))
	}
	return err
}
