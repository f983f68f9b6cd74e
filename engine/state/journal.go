package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// margin is the space kept in hand, so that the ends of nodes that run can
	// still be recorded when the disk gets full.
	margin = 1 << 20
	// reserveStep is how much is reserved at a time.
	reserveStep = 4 << 20
	// keptBuffer is the longest text whose memory is used again.
	keptBuffer = 64 << 10
)

// ErrFull reports that the disk of the state directory is full. What was
// appended is on disk nevertheless, unless another error says so.
var ErrFull = errors.New("the disk is full")

// disk is the file under a journal, so that tests can break it.
type disk interface {
	Write(p []byte) (int, error)
	// Datasync makes all that was written durable.
	Datasync() error
	// Reserve asks for space up to that size, without changing the file's length.
	// The error is errors.ErrUnsupported where that cannot be done.
	Reserve(size int64) error
	// Close cuts the file to size and closes it.
	Close(size int64) error
}

// journal is an append-only file with group commit. A record is handed to the
// kernel as soon as it is appended, so that a killed process loses none; the wait
// for the disk, which guards against a power loss, is shared: while one caller of
// sync waits, records of others gather, and the next wait covers them all. The
// lock is not held meanwhile.
type journal struct {
	path string
	disk disk

	mu       sync.Mutex
	buffer   []byte        // to be used again
	written  int64         // size of the file that survives a kill
	durable  int64         // size of the file that survives a power loss
	busy     chan struct{} // closed when the sync that goes on has ended; nil when there is none
	broken   error         // the first failed write or sync
	full     error         // ErrFull once the margin is touched
	reserved int64         // size up to which space is reserved; negative: not supported
}

// append writes records, all or none.
func (j *journal) append(records ...Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	text := j.buffer[:0]
	for _, r := range records {
		var err error
		if text, err = appendFrame(text, r); err != nil {
			return fmt.Errorf("append to journal %s: %w", j.path, err)
		}
	}
	if cap(text) <= keptBuffer {
		j.buffer = text
	}
	if _, err := j.disk.Write(text); err != nil {
		j.broken = j.writeError("write", err)
		return j.broken
	}
	j.written += int64(len(text))
	return nil
}

// sync returns when all that was appended before the call is durable. When ctx
// ends first its cause is returned, and the records may be durable or not.
func (j *journal) sync(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.settle(ctx.Done()) {
		return fmt.Errorf("wait for journal %s: %w", j.path, context.Cause(ctx))
	}
	return j.trouble()
}

// settle returns true when all that was appended before the call is durable or
// nothing can be made so, and false when done is closed first. The lock is held
// at its beginning and end.
func (j *journal) settle(done <-chan struct{}) bool {
	want := j.written
	for j.broken == nil && j.durable < want {
		if j.busy == nil {
			j.commit()
			continue
		}
		busy, ended := j.busy, true
		j.mu.Unlock()
		select {
		case <-busy:
		case <-done:
			ended = false
		}
		j.mu.Lock()
		if !ended {
			return false
		}
	}
	return true
}

// commit waits for the disk. The lock is held at its beginning and end.
func (j *journal) commit() {
	size, full := j.written, j.full
	busy := make(chan struct{})
	j.busy = busy
	j.mu.Unlock()

	err := j.disk.Datasync()
	if err == nil && full == nil {
		full = j.reserve(size + margin)
	}

	j.mu.Lock()
	j.busy, j.full = nil, full
	switch {
	case err == nil:
		j.durable = size
	case j.broken == nil:
		j.broken = j.writeError("sync", err)
	}
	if err != nil { // what was written since the last sync may be gone
		j.written = j.durable
	}
	close(busy)
}

func (j *journal) writeError(verb string, err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err // its path is that of the journal
	}
	err = fmt.Errorf("%s journal %s: %w", verb, j.path, err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return sdk.Hint(err, "free space on the disk of that file, then run the same command again: it goes on from what is recorded")
	}
	return sdk.Hint(err, "check the disk of that file, then run the same command again: it goes on from what is recorded")
}

// reserveMore sees to it that bytes more than what was appended fit.
func (j *journal) reserveMore(bytes int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settle(nil) // and nobody else can begin to write before the lock is free
	if j.broken == nil && j.full == nil {
		j.full = j.reserve(j.written + bytes + margin)
	}
	return j.trouble()
}

// trouble is what keeps the caller from starting anything new.
func (j *journal) trouble() error {
	if j.broken != nil {
		return j.broken
	}
	return j.full
}

// reserve sees to it that size bytes fit. It is called by one goroutine at a
// time. Its error is ErrFull or nil: other troubles will be met when writing.
func (j *journal) reserve(size int64) error {
	if j.reserved < 0 || j.reserved >= size {
		return nil
	}
	target := size + reserveStep
	err := j.disk.Reserve(target)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		target = size
		err = j.disk.Reserve(target)
	}
	switch {
	case err == nil:
		j.reserved = target
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return sdk.Hint(fmt.Errorf("reserve space for journal %s: %w", j.path, ErrFull),
			"free space on the disk of that file, then run the same command again: it goes on from what is recorded")
	default:
		j.reserved = -1
		return nil
	}
}

// close makes durable what was written and closes the file. What a failed write
// left of a record is cut off.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settle(nil)
	if j.broken != nil && j.written > j.durable {
		_ = j.disk.Datasync() // the records before the one that failed; the next run reads what is there
	}
	err := j.trouble()
	if cerr := j.disk.Close(j.written); cerr != nil {
		err = errors.Join(err, j.writeError("close", cerr))
	}
	return err
}
