package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// compactAbove is the size from which a journal may be worth compacting.
const compactAbove = 1 << 20

// load reads the journal, mends it, and opens it for appending.
func (s *Store) load() error {
	path := filepath.Join(s.dir, journalName)
	if err := s.sweep(); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = fileHeader()
		err = s.replace(text)
	case err != nil:
		err = openError("read", s.dir, err)
	}
	if err != nil {
		return err
	}
	if s.state, s.records, err = parse(text); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	size := int64(len(text))
	if d := s.state.Damage; d != nil {
		if err := s.repair(d, text[d.Offset:]); err != nil {
			return err
		}
		size = d.Offset
	}
	if s.wasteful(size) && s.compact() == nil {
		// Without compaction the journal is as good, just longer.
		if size, err = fileSize(path); err != nil {
			return openError("read", s.dir, err)
		}
	}
	return s.openJournal(path, size)
}

func (s *Store) openJournal(path string, size int64) error {
	disk, err := openDisk(path)
	if err != nil {
		return openError("open journal in", s.dir, err)
	}
	s.journal = &journal{path: path, disk: disk, written: size, durable: size, reserved: size}
	return nil
}

// sweep removes temporary files that a crash has left.
func (s *Store) sweep() error {
	for _, name := range []string{journalName, ownerName, KeyName} {
		left, err := filepath.Glob(filepath.Join(s.dir, "."+name+"*"))
		if err != nil {
			return openError("read", s.dir, err)
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return openError("clean", s.dir, err)
			}
		}
	}
	return nil
}

// repair moves the bytes that cannot be read out of the journal.
func (s *Store) repair(d *Damage, cut []byte) error {
	kept := ""
	for i := 1; ; i++ {
		kept = filepath.Join(s.dir, fmt.Sprintf("%s.cut.%d", journalName, i))
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return openError("repair", s.dir, err)
		}
	}
	if err := resource.WriteFile(kept, cut, 0o600); err != nil {
		return openError("repair", s.dir, err)
	}
	if err := truncate(filepath.Join(s.dir, journalName), d.Offset); err != nil {
		return openError("repair", s.dir, err)
	}
	d.Kept = kept
	return nil
}

// wasteful reports whether most records of the journal are outdated.
func (s *Store) wasteful(size int64) bool {
	return size >= compactAbove && s.records > 3*(len(s.state.Nodes)+1)
}

// compact replaces the journal by one that holds just the state.
func (s *Store) compact() error {
	text := fileHeader()
	records := s.state.snapshot()
	for _, r := range records {
		var err error
		if text, err = appendFrame(text, r); err != nil {
			return fmt.Errorf("compact journal in %s: %w", s.dir, err)
		}
	}
	if err := s.replace(text); err != nil {
		return err
	}
	s.records = len(records)
	return nil
}

// replace makes text the whole journal, at once and durably.
func (s *Store) replace(text []byte) error {
	if err := resource.WriteFile(filepath.Join(s.dir, journalName), text, 0o600); err != nil {
		return openError("write journal in", s.dir, err)
	}
	return nil
}

// openError is an error about a directory with what can be done about it.
func openError(verb, dir string, err error) error {
	hint := "check the directory, or choose another one for the state"
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = "run as root or as the owner of that directory, or choose another one for the state"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "free space on its disk, then run the same command again"
	case errors.Is(err, syscall.EROFS):
		hint = "its file system is read-only; choose another directory for the state"
	}
	return sdk.Hint(fmt.Errorf("%s state directory %s: %w", verb, dir, err), hint)
}
