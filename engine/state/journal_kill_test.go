package state

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// What was appended is in the file before anybody syncs: a kill of the process
// does not lose it.
func TestAppendedSurvivesAKill(t *testing.T) {
	d := &fakeDisk{}
	j := newJournal(d)
	for i := range 3 {
		appendAll(t, j, start(fmt.Sprint(i), "h", "", 1))
		if _, n, err := parse(d.content); n != i+1 || err != nil || d.syncs != 0 {
			t.Errorf("after %d records: got %d in the file, %d syncs, %v", i+1, n, d.syncs, err)
		}
	}
}

// Records that were written before the disk got full stay, also those that
// nobody synced.
func TestFullDiskKeepsWhatWasWritten(t *testing.T) {
	d := &fakeDisk{write: func(size int) error {
		if size > 1500 {
			return syscall.ENOSPC
		}
		return nil
	}}
	j := newJournal(d)
	good := 0
	for ; good < 100; good++ {
		if err := j.append(start(fmt.Sprint(good), "h", "", 1)); err != nil {
			break
		}
	}
	if err := j.close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: got %v", err)
	}
	if s, n, err := parse(d.content); n != good || err != nil || s.Damage != nil || good == 100 {
		t.Errorf("journal: got %d records, damage %v, %v, want %d", n, s.Damage, err, good)
	}
}
