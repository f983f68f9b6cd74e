package state

import (
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Apply adds one record. Records that make no sense where they stand, such as
// the end of a node that never began, change nothing.
func (s *State) Apply(r Record) {
	switch r := r.(type) {
	case RunStart:
		s.Run = r.Run
	case RunEnd:
		s.Run.Ended, s.Run.Status, s.Run.Counts = r.Time, r.Status, r.Counts
	case NodeStart:
		s.nodeStart(r)
	case Checkpoint:
		s.checkpoint(r)
	case NodeEnd:
		s.nodeEnd(r)
	case UndoStart:
		s.undoStart(r)
	case NodeUndone:
		s.nodeUndone(r)
	case snapshot:
		s.Run, s.clock = r.Run, r.Clock
		clear(s.Nodes)
	case kept:
		s.Nodes[r.Address] = &r.Node
	}
}

func (s *State) nodeStart(r NodeStart) {
	n := s.identify(r.Address, r.Identity)
	n.Status, n.Run, n.Attempt = Applying, s.Run.ID, r.Attempt
	n.Started, n.Ended = r.Time, time.Time{}
	n.Problem, n.Leftovers = nil, nil
	n.record(r.Private)
	if n.Success == nil {
		n.Order = s.tick()
	}
}

// identify returns the node with its new identity. Under another type it is
// another node: its plugin could do nothing with the old record.
func (s *State) identify(address string, id Identity) *Node {
	n := s.Nodes[address]
	if n == nil || n.Type != id.Type {
		n = &Node{Address: address}
		s.Nodes[address] = n
	}
	n.Identity = id
	return n
}

func (s *State) checkpoint(r Checkpoint) {
	if n := s.Nodes[r.Address]; n != nil {
		n.record(r.Private)
	}
}

func (s *State) nodeEnd(r NodeEnd) {
	n := s.Nodes[r.Address]
	switch {
	case r.Status.Good() && r.Identity != nil:
		n = s.identify(r.Address, *r.Identity)
		n.Run, n.Attempt, n.Started = s.Run.ID, 0, r.Time
	case n == nil:
		return
	}
	switch r.Status {
	case event.Succeeded, event.Unchanged:
		s.succeed(n, r)
	case event.Failed:
		n.Status = Failed
	case event.Cancelled:
		n.Status = Cancelled
	case event.Unknown:
		n.Status = Unknown
	default: // it did not run
		return
	}
	n.Ended, n.Problem, n.Leftovers = r.Time, r.Problem, r.Leftovers
	n.record(r.Private)
}

func (s *State) succeed(n *Node, r NodeEnd) {
	if n.Success == nil || r.Status == event.Succeeded {
		n.Order = s.tick()
	}
	n.Status, n.Leftovers = Succeeded, nil
	n.Success = &Success{
		Run:        s.Run.ID,
		Time:       r.Time,
		Inputs:     n.Inputs,
		Attributes: n.Attributes,
		Config:     n.Config,
		Outputs:    r.Outputs,
	}
	if r.Status == event.Succeeded && r.Took > 0 {
		n.Took = r.Took
	}
}

func (s *State) undoStart(r UndoStart) {
	n := s.Nodes[r.Address]
	if n == nil {
		return
	}
	n.Status, n.Run, n.Attempt = Undoing, s.Run.ID, r.Attempt
	n.Started, n.Ended = r.Time, time.Time{}
	n.Success, n.Problem = nil, nil
}

func (s *State) nodeUndone(r NodeUndone) {
	n := s.Nodes[r.Address]
	if n == nil {
		return
	}
	if len(r.Leftovers) == 0 {
		delete(s.Nodes, r.Address)
		return
	}
	n.Status, n.Leftovers, n.Ended = Leftovers, r.Leftovers, r.Time
	n.Success, n.Problem = nil, nil
	n.record(r.Private)
}

// record keeps the newest private record. No record does not erase an older one:
// it may be all that is known of things that must be undone.
func (n *Node) record(private []byte) {
	if len(private) > 0 {
		n.Private = private
	}
}

func (s *State) tick() uint64 {
	s.clock++
	return s.clock
}

// snapshot returns records that fold to this state, on top of any other.
func (s *State) snapshot() []Record {
	records := make([]Record, 0, len(s.Nodes)+1)
	records = append(records, snapshot{Run: s.Run, Clock: s.clock})
	nodes := make([]*Node, 0, len(s.Nodes))
	for _, n := range s.Nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *Node) int { return newestFirst(b, a) })
	for _, n := range nodes {
		records = append(records, kept{*n})
	}
	return records
}
