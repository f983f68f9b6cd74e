package sdk

import (
	"io"
	"sync"
)

// serial hands events on one at a time and drops those that come after the call
// has ended, from a goroutine that a handler forgot.
type serial struct {
	mu     sync.Mutex
	closed bool
	emit   func(Event)
}

func (s *serial) send(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.emit != nil {
		s.emit(e)
	}
}

func (s *serial) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// logWriter turns zerolog lines into Log events.
type logWriter struct{ send func(Event) }

var _ io.Writer = logWriter{}

func (w logWriter) Write(line []byte) (int, error) {
	w.send(parseLog(line, ""))
	return len(line), nil
}
