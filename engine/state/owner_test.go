package state

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// The name of an owner is believed only as long as the boot lasts in which it was
// written: after that its pid is somebody else's.
func TestOwnerOfAnEarlierBoot(t *testing.T) {
	if BootID() == "" {
		t.Skip("nothing tells boots apart here")
	}
	for name, tt := range map[string]struct {
		boot  string
		known bool
	}{
		"this boot":       {BootID(), true},
		"an earlier boot": {"00000000-0000-0000-0000-000000000000", false},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			owner := Self("apply", time.Now())
			owner.Pipeline, owner.BootID = "init", tt.boot
			text, err := json.Marshal(owner)
			if err == nil {
				err = os.WriteFile(filepath.Join(base, hostOwnerName), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := HostOwner(base); ok != tt.known || owner.Here() != tt.known {
				t.Errorf("HostOwner: %v, Here: %v, want %v", ok, owner.Here(), tt.known)
			}
			holder := flock.New(filepath.Join(base, hostLockName), flock.SetPermissions(0o600))
			if taken, err := holder.TryLock(); !taken || err != nil {
				t.Fatal(err)
			}
			_, err = TakeHost(base, Self("undo", time.Now()))
			var locked *LockedError
			if !errors.As(err, &locked) || (locked.Owner.PID != 0) != tt.known {
				t.Errorf("while it is locked: got %v, want that it names the owner: %v", err, tt.known)
			}
			if err := holder.Close(); err != nil {
				t.Fatal(err)
			}
			host, err := TakeHost(base, Self("undo", time.Now()))
			if err != nil {
				t.Fatalf("a name without a lock is in the way: %v", err)
			}
			if err := host.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
