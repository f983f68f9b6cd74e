package state

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// When the reserve cannot be filled up, the caller hears of it while there is
// still room for the records of what runs.
func TestReserveWarnsBeforeTheDiskIsFull(t *testing.T) {
	const capacity = 8 << 20
	d := &fakeDisk{reserve: func(size int64) error {
		if size > capacity {
			return syscall.ENOSPC
		}
		return nil
	}}
	j := newJournal(d)
	big := Checkpoint{Address: "a", Private: make([]byte, 300<<10)}
	var err error
	for err == nil && len(d.content) < 2*capacity {
		appendAll(t, j, big)
		err = j.sync(t.Context())
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("sync: got %v, want %v", err, ErrFull)
	}
	if left := capacity - len(d.content); left < margin/4 || left > margin {
		t.Errorf("space left when told: %d bytes, want about %d", left, margin)
	}
	if err := j.append(end("a", "failed", "", 2)); err != nil {
		t.Errorf("append after that: %v", err)
	}
	if err := j.close(); !errors.Is(err, ErrFull) {
		t.Errorf("close: got %v, want %v", err, ErrFull)
	}
	s, _, err := parse(d.content)
	if err != nil || s.Damage != nil {
		t.Errorf("journal: %v, %v", s.Damage, err)
	}
}

func TestReserveIsNotAskedTwiceWhereItIsUnsupported(t *testing.T) {
	asked := 0
	j := newJournal(&fakeDisk{reserve: func(int64) error { asked++; return errors.ErrUnsupported }})
	for i := range 3 {
		appendAll(t, j, start(fmt.Sprint(i), "h", "", 1))
		if err := j.sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}
