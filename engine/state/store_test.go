package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STATE_TEST_CRASH"); dir != "" {
		crash(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func owner() Owner {
	return Owner{PID: 123, Host: "h1", User: "root", Operation: "apply", Since: at(0)}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, owner())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, s *Store, records ...Record) {
	t.Helper()
	if err := s.Append(records...); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestStoreRemembers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "state")
	s := open(t, dir)
	if !s.State().Empty() || s.State().Damage != nil {
		t.Errorf("new store: got %v", s.State())
	}
	if err := s.Reserve(1 << 16); err != nil {
		t.Fatal(err)
	}
	commit(t, s, run("r1"), start("a", "h1", "p0", 1))
	during, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := equalStates(s.State(), during); diff != "" {
		t.Errorf("read while open (-store +read):\n%s", diff)
	}
	if err := s.Append(end("a", event.Succeeded, "p1", 2)); err != nil { // Close makes it durable
		t.Fatal(err)
	}
	closeStore(t, s)
	again := open(t, dir)
	defer closeStore(t, again)
	if diff := equalStates(s.State(), again.State()); diff != "" {
		t.Errorf("opened again (-before +after):\n%s", diff)
	}
	if again.Dir() != dir {
		t.Errorf("dir: got %s, want %s", again.Dir(), dir)
	}
}

func TestReadOfNothing(t *testing.T) {
	s, err := Read(filepath.Join(t.TempDir(), "absent"))
	if err != nil || !s.Empty() {
		t.Errorf("read: got %v, %v, want an empty state", s, err)
	}
}

func TestStoreModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	defer closeStore(t, s)
	got := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		got[filepath.Base(path)] = info.Mode().Perm()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{"state": 0o700, journalName: 0o600, lockName: 0o600, ownerName: 0o600}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

func TestTwoOpeners(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := Open(dir, Self("undo", at(1)))
	want := "lock state directory " + dir + ": another clusterflow (pid 123, apply, user root on h1, since 2026-01-02T00:00:00Z) holds it"
	if !errors.Is(err, ErrLocked) || err.Error() != want {
		t.Errorf("second opener: got %v, want %s", err, want)
	}
	var hint *sdk.HintError
	if !errors.As(err, &hint) || hint.Hint != "wait for it to end, or stop it in good order: kill -INT 123" {
		t.Errorf("second opener: got hint %v", hint)
	}
	if err := os.WriteFile(filepath.Join(dir, ownerName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Self("undo", at(1)))
	if want := "lock state directory " + dir + ": another clusterflow holds it"; err == nil || err.Error() != want {
		t.Errorf("second opener without owner: got %v, want %s", err, want)
	}
	closeStore(t, first)
	closeStore(t, open(t, dir))
	if _, err := os.Stat(filepath.Join(dir, ownerName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("owner after close: got %v, want it gone", err)
	}
}

func TestOpenRepairs(t *testing.T) {
	dir := t.TempDir()
	text, ends := encode(t, story()...)
	path := filepath.Join(dir, journalName)
	cut := text[ends[5] : ends[5]+7]
	for i := 1; i <= 2; i++ {
		if err := os.WriteFile(path, text[:ends[5]+7], 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := Read(dir)
		if err != nil || before.Damage == nil || before.Damage.Kept != "" {
			t.Fatalf("read: got %v, %v, want damage and nothing kept", before, err)
		}
		s := open(t, dir)
		kept := filepath.Join(dir, fmt.Sprintf("journal.cut.%d", i))
		want := &Damage{Offset: int64(ends[5]), Bytes: 7, Torn: true, Kept: kept}
		if diff := cmp.Diff(want, s.State().Damage); diff != "" {
			t.Errorf("damage (-want +got):\n%s", diff)
		}
		if got, err := os.ReadFile(kept); err != nil || string(got) != string(cut) {
			t.Errorf("kept: got %q, %v, want %q", got, err, cut)
		}
		commit(t, s, end("a", event.Succeeded, "p9", 9))
		closeStore(t, s)
		after, err := Read(dir)
		if err != nil || after.Damage != nil || after.Nodes["a"].Status != Succeeded {
			t.Errorf("after repair: got %v, %v, want a good journal with the new record", after, err)
		}
	}
}

func TestOpenLeavesWhatItDoesNotKnow(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"newer": {"clusterflow journal 2\nxyz", ErrVersion},
		"other": {"a diary", errNoJournal},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, journalName)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the lock must be free again
				_, err := Open(dir, owner())
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("open: got %v, want %v and the path", err, tt.want)
				}
			}
			if _, err := Read(dir); !errors.Is(err, tt.want) {
				t.Errorf("read: got %v, want %v", err, tt.want)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != tt.text {
				t.Errorf("file: got %q, %v, want it untouched", got, err)
			}
		})
	}
}

func TestOpenSweepsTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".journal123")
	if err := os.WriteFile(left, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	closeStore(t, open(t, dir))
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary file: got %v, want it gone", err)
	}
}

func TestOpenErrorsNameThePath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(file, "state")
	_, err := Open(dir, owner())
	var hint *sdk.HintError
	if err == nil || !strings.HasPrefix(err.Error(), "create state directory "+dir) || !errors.As(err, &hint) {
		t.Errorf("open: got %v, want an error with path and hint", err)
	}
}
