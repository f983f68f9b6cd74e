package pluginhost

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/clusterflow/clusterflow/sdk"
)

// tailLines is how many lines of a plugin's output a [CrashError] shows.
const tailLines = 20

// lines cuts a stream into lines. What a line has beyond its first
// sdk.MaxLogLine bytes is dropped, so that no input fills the memory or blocks
// the writer.
type lines struct {
	mu   sync.Mutex
	buf  []byte
	emit func(line []byte) // without its newline; the slice is valid during the call
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := len(data)
	for len(data) > 0 {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		room := sdk.MaxLogLine + 1 - len(l.buf) // one more than is shown tells that it was cut
		l.buf = append(l.buf, line[:min(len(line), room)]...)
		if ended {
			l.emit(l.buf)
			l.buf = l.buf[:0]
		}
		data = rest
	}
	return size, nil
}

// flush emits an unfinished line.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf) > 0 {
		l.emit(l.buf)
		l.buf = l.buf[:0]
	}
}

// tail keeps what a person needs to see of a crash: the last lines, or those from
// the start of a Go panic, whose stacks may be long.
type tail struct {
	mu    sync.Mutex
	lines []string
	panic bool
}

func (t *tail) add(line sdk.Log) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.panic && (strings.HasPrefix(line.Message, "panic: ") || strings.HasPrefix(line.Message, "fatal error: ")) {
		t.panic = true
		t.lines = nil
	}
	if len(t.lines) == tailLines {
		if t.panic {
			return
		}
		t.lines = t.lines[1:]
	}
	t.lines = append(t.lines, line.Message)
}

func (t *tail) get() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines...)
}
