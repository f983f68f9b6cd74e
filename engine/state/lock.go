package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// lockTries is how often a lock is tried to take whose directory is removed by its
// last owner at the same moment.
const lockTries = 20

// ErrLocked reports that another process holds a lock, see [LockedError].
var ErrLocked = errors.New("state directory is in use")

// LockedError is an [ErrLocked] that knows who holds the lock.
type LockedError struct {
	Dir   string
	Owner Owner // zero when it could not be read
	// Running are the phases that it runs.
	Running []string
}

// Error says who holds what since when, and what it is at.
func (e *LockedError) Error() string {
	who := "another clusterflow"
	if o := e.Owner; o.PID != 0 {
		what := o.Operation
		if o.Pipeline != "" {
			what += " of " + o.Pipeline
		}
		who = fmt.Sprintf("another clusterflow (pid %d, %s, user %s on %s, since %s)",
			o.PID, what, o.User, o.Host, o.Since.Format(time.RFC3339))
	}
	text := fmt.Sprintf("lock state directory %s: %s holds it", e.Dir, who)
	if len(e.Running) > 0 {
		text += " and runs " + strings.Join(e.Running, ", ")
	}
	return text
}

// Is makes it an [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// guard is a lock with the name of its owner beside it.
type guard struct {
	dir         string // is made when absent
	lock, owner string // names of the files
}

func guardOf(dir string) guard { return guard{dir, lockName, ownerName} }

// take takes the lock for this process.
func (g guard) take(owner Owner) (*flock.Flock, error) {
	for range lockTries {
		lock, err := g.try(owner)
		if lock != nil || err != nil {
			return lock, err
		}
	}
	err := fmt.Errorf("lock state directory %s: it was removed at the same moment", g.dir)
	return nil, sdk.Hint(err, "run the command again")
}

// try returns nothing when the last owner has just removed the directory.
func (g guard) try(owner Owner) (*flock.Flock, error) {
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, openError("create", g.dir, err)
	}
	lock := flock.New(filepath.Join(g.dir, g.lock), flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, openError("lock", g.dir, err)
	case !taken:
		return nil, g.held()
	case !isFileAt(lock):
		return nil, lock.Close()
	}
	text, err := json.Marshal(owner)
	if err == nil {
		err = resource.WriteFile(filepath.Join(g.dir, g.owner), text, 0o600)
	}
	if err != nil {
		return nil, errors.Join(openError("write owner of", g.dir, err), lock.Close())
	}
	return lock, nil
}

// held is the error that tells who holds the lock.
func (g guard) held() error {
	e := &LockedError{Dir: g.dir}
	if text, err := os.ReadFile(filepath.Join(g.dir, g.owner)); err == nil {
		if json.Unmarshal(text, &e.Owner) != nil || e.Owner.stale() {
			e.Owner = Owner{} // the one that holds it has not written its name yet
		}
	}
	if e.Owner.PID != 0 {
		if s, err := Read(filepath.Join(g.dir, e.Owner.subdir(g))); err == nil {
			e.Running = s.running()
		}
	}
	hint := "wait for it to end"
	if e.Owner.PID != 0 {
		hint += fmt.Sprintf(", or stop it in good order: kill -INT %d", e.Owner.PID)
	}
	return sdk.Hint(e, hint)
}

// free removes the name of the owner and gives the lock free.
func (g guard) free(lock *flock.Flock) error {
	err := os.Remove(filepath.Join(g.dir, g.owner))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, lock.Close()); err != nil {
		return fmt.Errorf("unlock state directory %s: %w", g.dir, err)
	}
	return nil
}

// isFileAt reports whether the locked file is still the one at its path.
func isFileAt(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(held, there)
}
