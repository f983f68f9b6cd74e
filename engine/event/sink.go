package event

import (
	"time"
)

// Sink takes events, in order, from one goroutine. It must not block for long
// and has no way to fail: a sink that writes keeps its first error for itself.
type Sink interface {
	Emit(e Event)
}

// SinkFunc makes a function a [Sink].
type SinkFunc func(e Event)

// Emit calls f.
func (f SinkFunc) Emit(e Event) { f(e) }

// Tee returns a sink that hands each event to all sinks, in order. Without any
// it drops them.
func Tee(sinks ...Sink) Sink {
	return SinkFunc(func(e Event) {
		for _, s := range sinks {
			s.Emit(e)
		}
	})
}

// Stream numbers and dates the events of one run. It belongs to one goroutine.
type Stream struct {
	run  string
	now  func() time.Time
	sink Sink
	seq  uint64
}

// NewStream returns the stream of a run. Events get their time from now.
func NewStream(run string, now func() time.Time, sink Sink) *Stream {
	return &Stream{run: run, now: now, sink: sink}
}

// Emit hands the next event to the sink and returns it.
func (s *Stream) Emit(body Body) Event {
	s.seq++
	e := Event{Time: s.now().UTC(), Run: s.run, Seq: s.seq, Body: body}
	s.sink.Emit(e)
	return e
}
