package report

import (
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Past is what the events of a run tell of one node. It is an [event.Sink] for the
// events of that run.
type Past struct {
	Address string

	Run     string
	Op      event.Operation
	Began   time.Time // the run
	Ready   time.Time
	Planned *event.NodePlanned
	Waits   []Wait
	Retries []Attempt
	End     *event.NodeEnded
	EndedAt time.Time

	attempt time.Time            // when the last one began
	ended   map[string]time.Time // when others ended
}

// Wait is a time that a node waited for a slot of a pool.
type Wait struct {
	Pool string
	From time.Time
	Took time.Duration // zero while it waits
}

// Attempt is one that failed and was repeated.
type Attempt struct {
	event.NodeRetrying
	Took time.Duration
}

var _ event.Sink = (*Past)(nil)

// Emit implements [event.Sink].
func (p *Past) Emit(e event.Event) {
	switch b := e.Body.(type) {
	case event.RunStarted:
		p.Run, p.Op, p.Began = e.Run, b.Operation, e.Time
	case event.NodeEnded:
		if p.ended == nil {
			p.ended = map[string]time.Time{}
		}
		p.ended[b.Node] = e.Time
	}
	if e.Subject() == p.Address {
		p.emit(e)
	}
}

func (p *Past) emit(e event.Event) {
	switch b := e.Body.(type) {
	case event.NodeReady:
		p.Ready = e.Time
	case event.NodeWaiting:
		p.Waits = append(p.Waits, Wait{Pool: b.Pool, From: e.Time})
	case event.NodePlanned:
		if p.Planned == nil { // else it was planned again for another attempt
			p.Planned = &b
		}
		p.goesOn(e.Time)
	case event.NodeStarted:
		p.goesOn(e.Time)
		p.attempt = e.Time
	case event.NodeRetrying:
		a := Attempt{NodeRetrying: b}
		if !p.attempt.IsZero() {
			a.Took = e.Time.Sub(p.attempt)
		}
		p.Retries, p.attempt = append(p.Retries, a), time.Time{}
	case event.NodeEnded:
		p.goesOn(e.Time)
		p.End, p.EndedAt = &b, e.Time
	}
}

// goesOn ends the wait for a pool.
func (p *Past) goesOn(at time.Time) {
	if n := len(p.Waits); n > 0 && p.Waits[n-1].Took == 0 {
		p.Waits[n-1].Took = at.Sub(p.Waits[n-1].From)
	}
}

// last is the need that the node waited for longest.
func (p *Past) last(needs []Need) (Need, time.Time, bool) {
	var found Need
	var at time.Time
	for _, n := range needs {
		if t, ok := p.ended[n.Address]; ok && t.After(at) && !t.After(p.Ready) {
			found, at = n, t
		}
	}
	return found, at, !at.IsZero()
}
