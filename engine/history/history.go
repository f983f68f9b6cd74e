// Package history keeps the events of the last runs of a pipeline, in a directory
// beside its journal, so that a run can be looked at while it goes on and be
// explained later.
//
// It is no record to rely on: what is written is not synced, a kill may lose the
// last tenth of a second, log lines are left out of a run that says too much, and
// old runs go. What must survive is in package state.
package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

const (
	dirName   = "runs"
	extension = ".jsonl"
	// keep is how many runs of a pipeline are kept.
	keep = 20
	// maxSize is how long a file gets, in bytes, before it takes no more log lines
	// and progress.
	maxSize = 32 << 20
	// interval is how long an event may wait before a reader sees it.
	interval = 100 * time.Millisecond
)

// Recorder writes the events of one run. It is an [event.Sink].
type Recorder struct {
	*report.Background
	file *file
}

// Record begins the history of a run in a state directory, and forgets runs that
// are too old. The caller must Close it.
func Record(stateDir, run string) (*Recorder, error) {
	dir := filepath.Join(stateDir, dirName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("record events: %w", err)
	}
	forget(dir)
	f, err := os.OpenFile(filepath.Join(dir, run+extension), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("record events: %w", err)
	}
	w := bufio.NewWriterSize(f, 64<<10)
	out := &file{file: f, buffer: w, lines: report.NewJSON(w), limit: maxSize}
	return &Recorder{report.InBackgroundEvery(interval, out), out}, nil
}

// Close writes what is left. The error is the first one of all writes.
func (r *Recorder) Close() error {
	r.Background.Close()
	err := errors.Join(r.file.lines.Err(), r.file.buffer.Flush(), r.file.file.Close())
	if err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	return nil
}

// file is the view that writes.
type file struct {
	file   *os.File
	buffer *bufio.Writer
	lines  *report.JSON
	size   int64
	limit  int64
}

var _ report.View = (*file)(nil)

// Emit implements [event.Sink].
func (f *file) Emit(e event.Event) {
	switch b := e.Body.(type) {
	case event.NodeLog:
		if f.size += int64(len(b.Message)); f.size > f.limit {
			return
		}
	case event.NodeProgress:
		if f.size += 100; f.size > f.limit {
			return
		}
	}
	f.lines.Emit(e)
	if e.Body.Kind() == event.KindRunStarted {
		_ = f.buffer.Flush() // who looks for runs sees it at once
	}
}

// Tick implements [report.View].
func (f *file) Tick(time.Time) { _ = f.buffer.Flush() } // the error stays, see Close

// Print implements [report.View].
func (f *file) Print(string) {}

// forget removes all but the newest runs. Names of runs begin with their time.
func forget(dir string) {
	names := files(dir)
	for _, name := range names[:max(0, len(names)-keep+1)] {
		_ = os.Remove(filepath.Join(dir, name))
	}
}

func files(dir string) []string {
	entries, _ := os.ReadDir(dir) // sorted
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), extension) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Remove removes the history of a pipeline.
func Remove(stateDir string) error {
	if err := os.RemoveAll(filepath.Join(stateDir, dirName)); err != nil {
		return fmt.Errorf("remove events: %w", err)
	}
	return nil
}

// Run is a run of which there are events.
type Run struct {
	ID      string
	Path    string // of the file
	Began   time.Time
	Started event.RunStarted
	// Ended is nil while the run goes on, or if it was killed.
	Ended *event.RunEnded
}

// List returns the runs of a pipeline, newest first.
func List(stateDir string) ([]Run, error) {
	dir := filepath.Join(stateDir, dirName)
	var out []Run
	for _, name := range files(dir) {
		r := Run{ID: strings.TrimSuffix(name, extension), Path: filepath.Join(dir, name)}
		err := Read(r.Path, func(e event.Event) {
			switch b := e.Body.(type) {
			case event.RunStarted:
				r.Began, r.Started = e.Time, b
			case event.RunEnded:
				r.Ended = &b
			}
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue // forgotten just now
		}
		if err != nil {
			return nil, err
		}
		if r.Began.IsZero() {
			continue // it begins just now, or a kill cut it off at once
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Run) int { return b.Began.Compare(a.Began) })
	return out, nil
}

// Read hands over the events of a run that are there by now.
func Read(path string, each func(event.Event)) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := reader{buffer: bufio.NewReader(f)}
	return r.read(each)
}

// reader reads lines that may not be complete yet.
type reader struct {
	buffer *bufio.Reader
	line   []byte
}

// read hands over events up to the end of what is there.
func (r *reader) read(each func(event.Event)) error {
	for {
		part, err := r.buffer.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read events: %w", err)
		}
		var e event.Event
		if json.Unmarshal(bytes.TrimSpace(r.line), &e) == nil { // else it is of a newer version, or damaged
			each(e)
		}
		r.line = r.line[:0]
	}
}
