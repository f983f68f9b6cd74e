package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// fakeDisk remembers what was written and does what its functions say.
type fakeDisk struct {
	content   []byte
	syncs     int
	write     func(size int) error // size of the file after the write
	datasync  func(n int) error    // n counts from 1
	reserve   func(size int64) error
	closeSize int64
}

func (d *fakeDisk) Write(p []byte) (int, error) {
	if d.write != nil {
		if err := d.write(len(d.content) + len(p)); err != nil {
			half := len(p) / 2
			d.content = append(d.content, p[:half]...)
			return half, err
		}
	}
	d.content = append(d.content, p...)
	return len(p), nil
}

func (d *fakeDisk) Datasync() error {
	d.syncs++
	if d.datasync != nil {
		return d.datasync(d.syncs)
	}
	return nil
}

func (d *fakeDisk) Reserve(size int64) error {
	if d.reserve != nil {
		return d.reserve(size)
	}
	return errors.ErrUnsupported
}

func (d *fakeDisk) Close(size int64) error {
	d.closeSize = size
	d.content = d.content[:size]
	return nil
}

func newJournal(d *fakeDisk) *journal {
	d.content = fileHeader()
	size := int64(len(d.content))
	return &journal{path: "/s/journal", disk: d, written: size, durable: size, reserved: size}
}

func appendAll(t *testing.T, j *journal, records ...Record) {
	t.Helper()
	for _, r := range records {
		if err := j.append(r); err != nil {
			t.Fatal(err)
		}
	}
}

// A hundred callers that want to be durable while the disk is busy share one
// write and one sync.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		d := &fakeDisk{datasync: func(n int) error {
			if n == 1 {
				<-slow
			}
			return nil
		}}
		j := newJournal(d)
		var wg sync.WaitGroup
		commit := func(i int) {
			appendAll(t, j, start(fmt.Sprint(i), "h", "", 1))
			wg.Go(func() {
				if err := j.sync(t.Context()); err != nil {
					t.Errorf("sync %d: %v", i, err)
				}
			})
		}
		commit(0)
		synctest.Wait() // the first one is in the disk's hands
		for i := range 100 {
			commit(i + 1)
		}
		synctest.Wait()
		close(slow)
		wg.Wait()
		if d.syncs != 2 {
			t.Errorf("syncs: got %d, want 2 for 101 commits", d.syncs)
		}
		if s, n, err := parse(d.content); err != nil || n != 101 || s.Damage != nil {
			t.Errorf("journal: got %d records, damage %v, %v, want 101", n, s.Damage, err)
		}
	})
}

func TestSyncOfNothingDoesNothing(t *testing.T) {
	d := &fakeDisk{}
	j := newJournal(d)
	appendAll(t, j, run("r1"))
	for range 3 {
		if err := j.sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d.syncs != 1 {
		t.Errorf("syncs: got %d, want 1", d.syncs)
	}
}

func TestSyncGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		d := &fakeDisk{datasync: func(int) error { <-slow; return nil }}
		j := newJournal(d)
		appendAll(t, j, run("r1"))
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := j.sync(t.Context()); err != nil {
				t.Errorf("first sync: %v", err)
			}
		})
		synctest.Wait()
		reason := errors.New("second interrupt")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, reason)
		defer cancel()
		appendAll(t, j, start("a", "h", "", 1))
		if err := j.sync(ctx); !errors.Is(err, reason) {
			t.Errorf("sync: got %v, want %v", err, reason)
		}
		close(slow)
		wg.Wait()
		if err := j.close(); err != nil || d.closeSize != int64(len(d.content)) {
			t.Errorf("close: got %v", err)
		}
		if _, n, err := parse(d.content); n != 2 || err != nil {
			t.Errorf("journal: got %d records, %v, want 2", n, err)
		}
	})
}

// After a failed write nothing is known of the file: it is not touched again but
// for cutting off what may be half a record.
func TestBrokenDisk(t *testing.T) {
	full := &fakeDisk{write: func(size int) error {
		if size > 900 {
			return syscall.ENOSPC
		}
		return nil
	}}
	dead := &fakeDisk{datasync: func(n int) error {
		if n > 2 {
			return syscall.EIO
		}
		return nil
	}}
	t.Run("no space", func(t *testing.T) { testBrokenDisk(t, full, syscall.ENOSPC) })
	t.Run("sync fails", func(t *testing.T) { testBrokenDisk(t, dead, syscall.EIO) })
}

func testBrokenDisk(t *testing.T, disk *fakeDisk, want error) {
	t.Helper()
	j := newJournal(disk)
	durable, err := fillUp(t, j)
	var hint *sdk.HintError
	if !errors.Is(err, want) || !errors.As(err, &hint) {
		t.Errorf("sync: got %v, want %v with a hint", err, want)
	}
	syncs := disk.syncs
	if got := j.append(run("r9")); !errors.Is(got, want) {
		t.Errorf("append later: got %v, want %v", got, want)
	}
	if got := j.sync(t.Context()); !errors.Is(got, want) || disk.syncs != syncs {
		t.Errorf("sync later: got %v and %d more syncs, want %v and none", got, disk.syncs-syncs, want)
	}
	if got := j.close(); !errors.Is(got, want) {
		t.Errorf("close: got %v, want %v", got, want)
	}
	s, n, err := parse(disk.content)
	if err != nil || n != durable || s.Damage != nil {
		t.Errorf("journal: got %d records, damage %v, %v, want the %d durable ones", n, s.Damage, err, durable)
	}
}

// fillUp appends until the disk fails, and returns how many records are durable.
func fillUp(t *testing.T, j *journal) (durable int, err error) {
	t.Helper()
	for i := 0; ; i++ {
		err := j.append(start(fmt.Sprint(i), "h", "", 1))
		if err == nil {
			err = j.sync(t.Context())
		}
		if err != nil {
			return durable, err
		}
		durable++
	}
}
