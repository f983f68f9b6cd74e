package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Summary gathers what is worth knowing at the end of a run, see [Summary.Write].
// The zero value is ready to use. It belongs to one goroutine.
type Summary struct {
	started event.RunStarted
	begin   time.Time
	ended   *event.RunEnded
	end     time.Time // of the last event
	nodes   map[string]*record
	order   []*record                         // by first mention
	plain   map[event.Status]*event.NodeEnded // see [Summary.brief]
}

// record is what a summary keeps of a node. Times are those since the run began.
type record struct {
	address string
	ready   time.Duration // negative if it never was
	spans   []span        // when it ran
	running bool          // the last span is still open
	ended   *event.NodeEnded
}

// span is a stretch of time.
type span struct{ from, to time.Duration }

func (s span) length() time.Duration { return s.to - s.from }

// Emit implements [event.Sink].
func (s *Summary) Emit(e event.Event) {
	s.end = e.Time
	if s.begin.IsZero() {
		s.begin = e.Time
	}
	now := e.Time.Sub(s.begin)
	switch b := e.Body.(type) {
	case event.RunStarted:
		s.started, s.begin = b, e.Time
	case event.NodeReady:
		s.node(b.Node).ready = now
	case event.NodeStarted:
		r := s.node(b.Node)
		r.spans, r.running = append(r.spans, span{from: now}), true
	case event.NodeRetrying:
		s.node(b.Node).pause(now)
	case event.NodeEnded:
		r := s.node(b.Node)
		r.finish(now, s.brief(b), b.Duration.Std())
	case event.RunEnded:
		s.ended = &b
	}
}

func (s *Summary) node(address string) *record {
	r := s.nodes[address]
	if r == nil {
		if s.nodes == nil {
			s.nodes = make(map[string]*record)
		}
		r = &record{address: address, ready: -1, ended: s.brief(event.NodeEnded{})}
		s.nodes[address] = r
		s.order = append(s.order, r)
	}
	return r
}

func (r *record) pause(now time.Duration) {
	if r.running {
		r.spans[len(r.spans)-1].to = now
		r.running = false
	}
}

// brief returns what the summary tells of an end. Most have nothing but a status to
// tell, and share one value.
func (s *Summary) brief(b event.NodeEnded) *event.NodeEnded {
	if b.Problem != nil || b.Cause != "" || b.Continued || len(b.Leftovers) > 0 {
		return &b
	}
	if s.plain[b.Status] == nil {
		if s.plain == nil {
			s.plain = make(map[event.Status]*event.NodeEnded)
		}
		s.plain[b.Status] = &event.NodeEnded{Status: b.Status}
	}
	return s.plain[b.Status]
}

func (r *record) finish(now time.Duration, b *event.NodeEnded, took time.Duration) {
	r.pause(now)
	r.ended = b
	if len(r.spans) == 0 && took > 0 { // it was looked at and needed nothing
		r.spans = []span{{from: now - took, to: now}}
	}
}

// work is how long the node ran, pauses between attempts not included.
func (r *record) work() time.Duration {
	var sum time.Duration
	for _, s := range r.spans {
		sum += s.length()
	}
	return sum
}

// records returns all nodes by first mention. The span of a node that still runs
// ends now.
func (s *Summary) records() []*record {
	for _, r := range s.order {
		r.pause(s.end.Sub(s.begin))
	}
	return s.order
}

// busiest returns how many nodes ran at once at most.
func busiest(records []*record) int {
	type step struct {
		at    time.Duration
		delta int
	}
	var steps []step
	for _, r := range records {
		for _, sp := range r.spans {
			steps = append(steps, step{sp.from, 1}, step{sp.to, -1})
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.delta, b.delta)) // ends before starts
	})
	now, most := 0, 0
	for _, st := range steps {
		now += st.delta
		most = max(most, now)
	}
	return most
}

// with returns the nodes that ended with one of the statuses.
func with(records []*record, statuses ...event.Status) []*record {
	var list []*record
	for _, r := range records {
		if slices.Contains(statuses, r.ended.Status) {
			list = append(list, r)
		}
	}
	return list
}
