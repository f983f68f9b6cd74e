package live

import (
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// maxBars is how many things a phase may report progress of at once; of more,
// only the latest ones count.
const maxBars = 64

// state is a fold of the events of a run: what has not ended, and how many
// phases ended in which way.
type state struct {
	column   int // room for addresses
	run      event.RunStarted
	began    time.Time // zero until the run starts
	over     bool
	stopping bool // nothing more starts
	counts   map[event.Status]int
	phases   map[string]*phase // that have not ended
	busy     []*phase          // of these, those that run or will soon run again, longest first
}

// phase is one that has not ended.
type phase struct {
	address string
	status  event.Status
	since   time.Time // when it got this status
	started time.Time // of its first attempt
	pool    string    // it waits for
	attempt int
	retry   event.NodeRetrying
	bars    []event.NodeProgress // not done yet, latest last
	said    string               // last, in a line, a change or a line of its log
	logged  []string             // the last lines of its log
}

// newState makes the column of addresses fit a terminal once, at the start: what
// has scrolled away cannot be lined up again.
func newState(width int) state {
	return state{
		column: min(max(16, width*2/5), 52),
		counts: make(map[event.Status]int),
		phases: make(map[string]*phase),
	}
}

func (s *state) apply(e event.Event) {
	switch b := e.Body.(type) {
	case event.RunStarted:
		*s = state{
			column: s.column, run: b, began: e.Time,
			counts: make(map[event.Status]int), phases: make(map[string]*phase),
		}
	case event.RunStopping:
		s.stopping = true
	case event.RunEnded:
		s.over = true
	case event.NodeReady:
		s.move(b.Node, event.Ready, e.Time)
	case event.NodeWaiting:
		s.move(b.Node, event.Waiting, e.Time).pool = b.Pool
	case event.NodeStarted:
		s.nodeStarted(e.Time, b)
	case event.NodeRetrying:
		s.nodeRetrying(e.Time, b)
	case event.NodeEnded:
		s.nodeEnded(b)
	default:
		if ph := s.phases[e.Subject()]; ph != nil {
			ph.tell(b)
		}
	}
}

// move gives a phase a status, and a place among those that are busy if it is.
func (s *state) move(address string, status event.Status, now time.Time) *phase {
	ph := s.phases[address]
	if ph == nil {
		ph = &phase{address: address}
		s.phases[address] = ph
	}
	was, is := busy(ph.status), busy(status)
	ph.status, ph.since = status, now
	switch {
	case is && !was:
		s.busy = append(s.busy, ph)
	case was && !is:
		s.rest(ph)
	}
	return ph
}

func busy(s event.Status) bool { return s == event.Running || s == event.Retrying }

func (s *state) rest(ph *phase) {
	if i := slices.Index(s.busy, ph); i >= 0 {
		s.busy = slices.Delete(s.busy, i, i+1)
	}
}

func (s *state) nodeStarted(now time.Time, b event.NodeStarted) {
	ph := s.move(b.Node, event.Running, now)
	ph.attempt, ph.said, ph.bars = b.Attempt, "", nil
	if ph.started.IsZero() {
		ph.started = now
	}
}

func (s *state) nodeRetrying(now time.Time, b event.NodeRetrying) {
	ph := s.move(b.Node, event.Retrying, now)
	ph.retry, ph.bars = b, nil
	if ph.started.IsZero() { // it failed before its plugin was called
		ph.started = now
	}
}

func (s *state) nodeEnded(b event.NodeEnded) {
	s.counts[b.Status]++
	if ph := s.phases[b.Node]; ph != nil {
		s.rest(ph)
		delete(s.phases, b.Node)
	}
}

// tell takes what a phase says of itself.
func (ph *phase) tell(body event.Body) {
	switch b := body.(type) {
	case event.NodeLog:
		ph.log(b.Message)
	case event.NodeProgress:
		ph.progress(b)
	case event.ChangeDone:
		ph.said = change(b.Change)
	}
}

// log keeps the last lines of a message that are not empty.
func (ph *phase) log(message string) {
	for _, l := range lastLines(message, maxLogs) {
		ph.logged = append(ph.logged, l)
		ph.said = l
	}
	if over := len(ph.logged) - maxLogs; over > 0 {
		ph.logged = slices.Delete(ph.logged, 0, over)
	}
}

func (ph *phase) progress(b event.NodeProgress) {
	ph.bars = slices.DeleteFunc(ph.bars, func(old event.NodeProgress) bool { return old.ID == b.ID })
	if b.Done {
		return
	}
	if len(ph.bars) == maxBars {
		ph.bars = slices.Delete(ph.bars, 0, 1)
	}
	ph.bars = append(ph.bars, b)
}

// bar is how far the phase is: in all that it reports in the unit of the latest
// one, or in that one alone. It is false when the phase reports nothing.
func (ph *phase) bar() (event.NodeProgress, bool) {
	if len(ph.bars) == 0 {
		return event.NodeProgress{}, false
	}
	sum := ph.bars[len(ph.bars)-1]
	for _, b := range ph.bars[:len(ph.bars)-1] {
		if b.Unit == sum.Unit && b.Total > 0 && sum.Total > 0 {
			sum.Current += b.Current
			sum.Total += b.Total
		}
	}
	return sum, true
}
