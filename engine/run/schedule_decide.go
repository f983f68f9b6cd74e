package run

import (
	"fmt"

	"github.com/clusterflow/clusterflow/engine/event"
)

// decide records the end of a node. The caller spreads it to the dependents.
func (s *schedule) decide(id int, status event.Status, cause int) {
	s.nodes[id].status = status
	s.nodes[id].cause = cause
	s.undecided--
	if !s.spec.Nodes[id].Finally {
		s.open--
	}
}

// spread tells the dependents of the given nodes how those ended, and theirs
// when they are blocked by it. Each edge is looked at once in a run.
func (s *schedule) spread(ended []int, decided []Decided) []Decided {
	for len(ended) > 0 {
		id := ended[0]
		ended = ended[1:]
		for _, e := range s.out[id] {
			dependent := int(e.To)
			if s.nodes[dependent].status.Terminal() {
				continue
			}
			if s.satisfies(id, e.Kind) {
				s.nodes[dependent].pending--
				s.offer(dependent)
				continue
			}
			cause := s.rootCause(id)
			s.decide(dependent, event.Blocked, cause)
			decided = append(decided, Decided{ID: dependent, Status: event.Blocked, Cause: cause})
			ended = append(ended, dependent)
		}
	}
	return decided
}

func (s *schedule) satisfies(id int, kind EdgeKind) bool {
	status := s.nodes[id].status
	return kind == EdgeStatus || status.Good() || status == event.Skipped || s.tolerated(id)
}

// tolerated reports whether the node failed and may.
func (s *schedule) tolerated(id int) bool {
	status := s.nodes[id].status
	return s.spec.Nodes[id].Continue && (status == event.Failed || status == event.Unknown)
}

// broke reports whether the node failed and must not.
func (s *schedule) broke(id int) bool {
	status := s.nodes[id].status
	return (status == event.Failed || status == event.Unknown) && !s.tolerated(id)
}

func (s *schedule) rootCause(id int) int {
	if s.nodes[id].status == event.Blocked {
		return s.nodes[id].cause
	}
	return id
}

// offer puts a node into the queue when nothing holds it back any more.
func (s *schedule) offer(id int) {
	n := s.nodes[id]
	if n.status != event.Pending || n.pending > 0 || (s.spec.Nodes[id].Finally && s.open > 0) {
		return
	}
	s.newReady = append(s.newReady, id)
	s.enqueue(id)
}

func (s *schedule) enqueue(id int) {
	s.nodes[id].status = event.Ready
	s.ready.push(id)
}

func (s *schedule) offerFinally() {
	if s.open > 0 {
		return
	}
	for _, id := range s.finally {
		s.offer(id)
	}
	s.finally = nil // from now on offered when their own dependencies end
}

// full returns the first of a node's pools that has no free slot.
func (s *schedule) full(id int) (pool string, full bool) {
	for _, pool := range s.spec.Nodes[id].Pools {
		if s.free[pool] == 0 {
			return pool, true
		}
	}
	return "", false
}

// park lets a node wait for a slot of a full pool. Slots of its other pools, for
// which it may have been woken, go to the next that waits for them.
func (s *schedule) park(id int, pool string) {
	s.parked[pool].push(id)
	for _, other := range s.spec.Nodes[id].Pools {
		if s.free[other] > 0 {
			s.wake(other)
		}
	}
	if s.nodes[id].status != event.Waiting { // else it was overtaken and goes back
		s.nodes[id].status = event.Waiting
		s.newWaiting = append(s.newWaiting, Wait{ID: id, Pool: pool})
	}
}

// release gives back the slots of a running node and lets the best one that
// waits for each of its pools compete again.
func (s *schedule) release(id int) {
	s.running--
	for _, pool := range s.spec.Nodes[id].Pools {
		s.free[pool]++
		s.wake(pool)
	}
}

// wake lets the best node that waits for a pool compete again.
func (s *schedule) wake(pool string) {
	for waiting := s.parked[pool]; !waiting.empty(); {
		if next := waiting.pop(); !s.nodes[next].status.Terminal() {
			s.ready.push(next)
			return
		}
	}
}

func (s *schedule) cancel(match func(NodeSpec) bool) []Decided {
	s.stopped = true
	var ids []int
	var decided []Decided
	for id, n := range s.nodes {
		switch n.status {
		case event.Pending, event.Ready, event.Waiting:
			if match(s.spec.Nodes[id]) {
				s.decide(id, event.Cancelled, -1)
				ids = append(ids, id)
				decided = append(decided, Decided{ID: id, Status: event.Cancelled, Cause: -1})
			}
		default: // running, paused or decided
		}
	}
	decided = s.spread(ids, decided)
	s.offerFinally()
	return decided
}

func (s *schedule) expect(id int, want event.Status, verb string) {
	if got := s.nodes[id].status; got != want {
		panic(fmt.Sprintf("run: node %s %s while %s", s.spec.Nodes[id].Name, verb, got))
	}
}

func (s *schedule) checkFinally() {
	for id, n := range s.spec.Nodes {
		for _, e := range s.spec.edges(id) {
			if !n.Finally && s.spec.Nodes[e.To].Finally {
				panic(fmt.Sprintf("run: node %s depends on finally node %s", n.Name, s.spec.Nodes[e.To].Name))
			}
		}
	}
}
