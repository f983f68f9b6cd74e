package run

import (
	"fmt"
	"slices"

	"github.com/clusterflow/clusterflow/engine/event"
)

// schedule decides what runs next. It knows no goroutine, clock or I/O: the
// caller takes nodes from Next, runs them, tells with Finish how each ended, and
// repeats until Done. The same calls in the same order give the same answers.
//
// Every node is decided exactly once: by Finish if Next handed it out, else in
// the answer of a Finish, Stop or Abort. While it is not Done, a node is running,
// paused, or will be given by Next. Calls that break these rules panic: they are
// mistakes of the engine, not of its user.
type schedule struct {
	spec    Spec
	out     [][]Edge // the dependents of each node
	nodes   []node
	ready   *queue            // may start, as far as is known
	parked  map[string]*queue // ready, but their pool was full
	free    map[string]int    // slots left in each pool
	finally []int             // held back until open is zero

	running   int
	undecided int
	open      int // undecided nodes that are not finally ones
	stopped   bool

	newReady   []int
	newWaiting []Wait
}

type node struct {
	status  event.Status
	pending int // edges that are not satisfied yet
	cause   int // of blocked
}

// Decided is a node that ended without being asked to run.
type Decided struct {
	ID int
	// Status is blocked or cancelled.
	Status event.Status
	// Cause is the node whose failure blocked this one, or -1.
	Cause int
}

// Wait is a ready node that waits for a slot of its pool.
type Wait struct {
	ID   int
	Pool string
}

func newSchedule(spec Spec) *schedule {
	s := &schedule{
		spec:      spec,
		out:       dependents(len(spec.Nodes), spec.Edges),
		nodes:     make([]node, len(spec.Nodes)),
		parked:    make(map[string]*queue),
		free:      make(map[string]int),
		undecided: len(spec.Nodes),
	}
	paths := remainingPaths(spec, s.out)
	s.ready = newQueue(paths)
	for id, n := range spec.Nodes {
		s.nodes[id] = node{status: event.Pending, pending: len(spec.edges(id)), cause: -1}
		for _, pool := range n.Pools {
			if s.parked[pool] == nil {
				s.parked[pool] = newQueue(paths)
				s.free[pool] = spec.slots(pool)
			}
		}
		if n.Finally {
			s.finally = append(s.finally, id)
		} else {
			s.open++
		}
	}
	s.checkFinally()
	for id := range s.nodes {
		s.offer(id)
	}
	s.offerFinally()
	return s
}

// Next hands out the nodes to start now, as many as slots and pools allow, those
// on the longest remaining path first.
func (s *schedule) Next() []int {
	var ids []int
	for !s.ready.empty() && (s.spec.Slots <= 0 || s.running < s.spec.Slots) {
		id := s.ready.pop()
		if s.nodes[id].status.Terminal() { // cancelled while in the queue
			continue
		}
		if pool, full := s.full(id); full {
			s.park(id, pool)
			continue
		}
		for _, pool := range s.spec.Nodes[id].Pools {
			s.free[pool]--
		}
		s.running++
		s.nodes[id].status = event.Running
		ids = append(ids, id)
	}
	return ids
}

// Ready returns the nodes that became ready since the last call, in order.
func (s *schedule) Ready() []int {
	ids := slices.DeleteFunc(s.newReady, func(id int) bool { return s.nodes[id].status.Terminal() })
	s.newReady = nil
	return ids
}

// Waiting returns the nodes that began to wait for their pool since the last
// call, in order. They are found by Next.
func (s *schedule) Waiting() []Wait {
	waits := slices.DeleteFunc(s.newWaiting, func(w Wait) bool { return s.nodes[w.ID].status.Terminal() })
	s.newWaiting = nil
	return waits
}

// Running returns how many nodes take a slot now.
func (s *schedule) Running() int { return s.running }

// Done reports whether every node is decided.
func (s *schedule) Done() bool { return s.undecided == 0 }

// Finish records how a running or paused node ended. It returns the nodes that
// are decided by that: dependents that are blocked, and after the first failure
// with FailFast all others.
func (s *schedule) Finish(id int, status event.Status) []Decided {
	if !status.Terminal() {
		panic(fmt.Sprintf("run: node %s finished with status %s", s.spec.Nodes[id].Name, status))
	}
	switch s.nodes[id].status {
	case event.Running:
		s.release(id)
	case event.Retrying: // has no slot
	default:
		panic(fmt.Sprintf("run: node %s finished while %s", s.spec.Nodes[id].Name, s.nodes[id].status))
	}
	s.decide(id, status, -1)
	decided := s.spread([]int{id}, nil)
	if s.spec.FailFast && !s.stopped && s.broke(id) {
		decided = append(decided, s.Stop()...)
	}
	s.offerFinally()
	return decided
}

// Pause takes the slot from a running node that will be tried again later. It
// ends with Resume or Finish, also after Stop.
func (s *schedule) Pause(id int) {
	s.expect(id, event.Running, "paused")
	s.release(id)
	s.nodes[id].status = event.Retrying
}

// Resume makes a paused node ready again; Next will hand it out once more.
func (s *schedule) Resume(id int) {
	s.expect(id, event.Retrying, "resumed")
	s.enqueue(id)
}

// Stop keeps all nodes from starting that have not, except finally ones. They
// are returned as cancelled. The caller goes on until Done.
func (s *schedule) Stop() []Decided {
	return s.cancel(func(n NodeSpec) bool { return !n.Finally })
}

// Abort is Stop for finally nodes, too.
func (s *schedule) Abort() []Decided {
	return s.cancel(func(NodeSpec) bool { return true })
}
