package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/clusterflow/clusterflow/sdk"
)

// The files of a state directory.
const (
	journalName = "journal"
	lockName    = "lock"
	ownerName   = "owner.json"
	// KeyName is a file that the engine keeps beside the journal.
	KeyName    = "key"
	cutPattern = journalName + ".cut.*"
)

// Store is an open state directory, held by this process alone.
//
// State, Append, Reserve, Remove and Close belong to one goroutine. Sync may be
// called by any: those that wait at the same time share one write to the disk.
//
// What a caller owes:
//  1. Append a [RunStart] first and a [RunEnd] last.
//  2. Append a [NodeStart] and return from Sync before calling Apply; the same
//     with [UndoStart] and Undo.
//  3. Append a [NodeEnd] or [NodeUndone] before appending the start of a node
//     that depends on it. Records become durable in their order, so the sync of
//     the dependent's start covers it: ends need no Sync of their own.
//  4. Append a [Checkpoint] and Sync before the plugin is told to go on.
//  5. After an error of Append or Sync start nothing new. Go on appending the ends
//     of what runs: if they cannot be stored the nodes will be found in doubt, see
//     [Status.Open], never lost.
type Store struct {
	dir     string
	lock    *flock.Flock
	journal *journal
	state   *State
	records int // in the journal file, for compaction
}

// Open takes a state directory and reads it. The directory is created with mode
// 0700 when it is absent. A journal with a bad end is repaired: the bytes that
// cannot be read go into a file beside it, see State().Damage.
//
// The error is a [*LockedError] when another process holds the directory and
// wraps [ErrVersion] when a newer clusterflow wrote it; nothing is changed then.
func Open(dir string, owner Owner) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory %s: %w", dir, err)
	}
	lock, err := guardOf(dir).take(owner)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, lock: lock}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

// Read returns the state of a directory without taking it; a run may go on at
// the same time. An absent directory gives an empty state. Nothing is repaired.
func Read(dir string) (*State, error) {
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return New(), nil
	}
	if err != nil {
		return nil, openError("read", dir, err)
	}
	s, _, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, journalName), err)
	}
	return s, nil
}

// Dir returns the absolute path of the directory.
func (s *Store) Dir() string { return s.dir }

// State returns the state after all appended records. It is live: the next
// Append changes it.
func (s *Store) State() *State { return s.state }

// Append adds records to the state and to the journal, where they survive a kill
// of this process from here on; to survive a power loss they need a Sync.
func (s *Store) Append(records ...Record) error {
	if err := s.journal.append(records...); err != nil {
		return err
	}
	for _, r := range records {
		s.state.Apply(r)
	}
	s.records += len(records)
	return nil
}

// Sync returns when everything appended before the call would survive a crash of
// the machine.
// The error wraps [ErrFull] when it would, but the disk is so full that nothing
// new should be started; and the cause of ctx when that ended first.
func (s *Store) Sync(ctx context.Context) error { return s.journal.sync(ctx) }

// Reserve takes space for that many more bytes, so that a full disk is found
// before a run has begun. What is left over is given back by Close. Where a file
// system cannot reserve it does nothing. The error wraps [ErrFull].
func (s *Store) Reserve(bytes int64) error {
	return s.journal.reserveMore(bytes)
}

// Close makes all records durable, compacts a large journal and gives the
// directory free.
func (s *Store) Close() error {
	err := s.journal.close()
	if err == nil && s.wasteful(s.journal.written) {
		err = s.compact()
	}
	return errors.Join(err, s.unlock())
}

// Remove closes the store and deletes its files, and the directory unless other
// files are in it. It refuses while the state is not empty.
func (s *Store) Remove() error {
	if !s.state.Empty() {
		err := fmt.Errorf("remove state directory %s: it still records %d nodes", s.dir, len(s.state.Nodes))
		return sdk.Hint(err, "undo them first")
	}
	err := s.journal.close()
	cuts, globErr := filepath.Glob(filepath.Join(s.dir, cutPattern))
	err = errors.Join(err, globErr)
	files := append(cuts, filepath.Join(s.dir, journalName), filepath.Join(s.dir, ownerName), filepath.Join(s.dir, lockName))
	for _, path := range files {
		if rerr := os.Remove(path); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove state: %w", rerr))
		}
	}
	err = errors.Join(err, s.lock.Close())
	if entries, rerr := os.ReadDir(s.dir); rerr == nil && len(entries) == 0 {
		if rerr := os.Remove(s.dir); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove state directory: %w", rerr))
		}
	}
	return err
}

func (s *Store) unlock() error { return guardOf(s.dir).free(s.lock) }
