package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// ErrLocked reports that another process holds a state directory, see [LockedError].
var ErrLocked = errors.New("state directory is in use")

// Owner says who holds a state directory, for the message that another process
// shows. The lock itself is the kernel's and ends with the process.
type Owner struct {
	PID int `json:"pid"`
	// BootID is the kernel's id of this boot: under another one the pid means
	// nothing. Empty where there is none.
	BootID    string    `json:"boot_id,omitempty"`
	Host      string    `json:"host,omitempty"`
	User      string    `json:"user,omitempty"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
}

// Self returns this process as an owner.
func Self(operation string, since time.Time) Owner {
	o := Owner{PID: os.Getpid(), Operation: operation, Since: since.UTC(), User: strconv.Itoa(os.Getuid())}
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		o.BootID = strings.TrimSpace(string(boot))
	}
	if host, err := os.Hostname(); err == nil {
		o.Host = host
	}
	if u, err := user.Current(); err == nil {
		o.User = u.Username
	}
	return o
}

// LockedError is an [ErrLocked] that knows who holds the directory.
type LockedError struct {
	Dir   string
	Owner Owner // zero when it could not be read
}

// Error says who holds what since when.
func (e *LockedError) Error() string {
	who := "another clusterflow"
	if o := e.Owner; o.PID != 0 {
		who = fmt.Sprintf("another clusterflow (pid %d, %s, user %s on %s, since %s)",
			o.PID, o.Operation, o.User, o.Host, o.Since.Format(time.RFC3339))
	}
	return fmt.Sprintf("lock state directory %s: %s holds it", e.Dir, who)
}

// Is makes it an [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// lockDir takes the lock of a directory for this process.
func lockDir(dir string, owner Owner) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, openError("lock", dir, err)
	}
	if !taken {
		return nil, locked(dir)
	}
	if !isFileAt(lock) { // its last owner has just removed the directory
		err := fmt.Errorf("lock state directory %s: it was removed at the same moment", dir)
		return nil, errors.Join(sdk.Hint(err, "run the command again"), lock.Close())
	}
	text, err := json.Marshal(owner)
	if err == nil {
		err = resource.WriteFile(filepath.Join(dir, ownerName), text, 0o600)
	}
	if err != nil {
		return nil, errors.Join(openError("write owner of", dir, err), lock.Close())
	}
	return lock, nil
}

func locked(dir string) error {
	e := &LockedError{Dir: dir}
	if text, err := os.ReadFile(filepath.Join(dir, ownerName)); err == nil {
		if json.Unmarshal(text, &e.Owner) != nil {
			e.Owner = Owner{}
		}
	}
	hint := "wait for it to end"
	if e.Owner.PID != 0 {
		hint += fmt.Sprintf(", or stop it in good order: kill -INT %d", e.Owner.PID)
	}
	return sdk.Hint(e, hint)
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
