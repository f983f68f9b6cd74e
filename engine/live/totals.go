package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// queue is phases that are ready and wait for the same thing.
type queue struct {
	reason
	count int
	first *phase // the one that waits longest
}

type reason struct {
	status event.Status
	pool   string
}

// queues are what phases wait for: pools by name, then being compared with the
// host, for which a slot must be free. The latter is worth a line only if it takes
// long.
func (s *state) queues(now time.Time) []*queue {
	queues := make(map[reason]*queue)
	for _, ph := range s.phases {
		why := reason{status: ph.status}
		switch ph.status {
		case event.Waiting:
			why.pool = ph.pool
		case event.Ready:
		default:
			continue
		}
		q := queues[why]
		if q == nil {
			q = &queue{reason: why, first: ph}
			queues[why] = q
		}
		q.count++
		if order := cmp.Or(ph.since.Compare(q.first.since), cmp.Compare(ph.address, q.first.address)); order < 0 {
			q.first = ph
		}
	}
	if q := queues[reason{status: event.Ready}]; q != nil && now.Sub(q.first.since) < patience {
		delete(queues, q.reason)
	}
	list := slices.Collect(maps.Values(queues))
	slices.SortFunc(list, func(a, b *queue) int {
		return cmp.Or(-cmp.Compare(a.status, b.status), cmp.Compare(a.pool, b.pool))
	})
	return list
}

func (q *queue) draw(p *page) {
	name, note := clean(q.first.address), string(q.status)
	if q.count > 1 {
		name = fmt.Sprintf("%d phases", q.count)
	}
	if q.status == event.Waiting {
		note += " for pool " + clean(q.pool)
	}
	if p.width >= narrow {
		note = strings.TrimLeft(strings.TrimPrefix(note, string(q.status)), " ")
	}
	p.node(".", dim, name, string(q.status), q.first.since, note)
}

// totals adds the last line: the time, a bar and the counts, which add up to the
// number of phases. What matters most comes first, for narrow terminals.
func (s *state) totals(p *page) {
	ended := 0
	for _, n := range s.counts {
		ended += n
	}
	spans := []span{{text: fmt.Sprintf("  %s  ", elapsed(p.now.Sub(s.began)))}}
	if p.width >= roomy {
		spans = append(spans, span{text: bar(int64(ended), int64(s.run.Nodes))})
	}
	if s.stopping {
		spans = append(spans, span{yellow, "stopping"}, span{text: ", "})
	}
	done := s.counts[event.Succeeded] + s.counts[event.Unchanged] + s.counts[event.Skipped]
	spans = append(spans, span{text: fmt.Sprintf("%d of %d done", done, s.run.Nodes)})
	if n := s.counts[event.Failed] + s.counts[event.Unknown]; n > 0 {
		spans = append(spans, span{text: ", "}, span{red, fmt.Sprintf("%d failed", n)})
	}
	retrying := 0
	for _, ph := range s.busy {
		if ph.status == event.Retrying {
			retrying++
		}
	}
	var rest strings.Builder
	for _, c := range []struct {
		n    int
		word string
	}{
		{s.counts[event.Blocked], "blocked"},
		{s.counts[event.Cancelled], "cancelled"},
		{len(s.busy) - retrying, "running"},
		{retrying, "retrying"},
		{s.run.Nodes - ended - len(s.busy), "left"},
	} {
		if c.n > 0 {
			fmt.Fprintf(&rest, ", %d %s", c.n, c.word)
		}
	}
	p.add(append(spans, span{text: rest.String()})...)
}
