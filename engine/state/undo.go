package state

import (
	"container/heap"
	"slices"
)

// UndoOrder returns the addresses of all nodes in the order in which to undo
// them: a node comes before those that it depends on, and of several that may
// come, the one that was completed last. Records of different runs may disagree
// about who depends on whom; where they form a cycle the newest node goes first.
func (s *State) UndoOrder() []string {
	u := undoing{state: s, users: make(map[string]int, len(s.Nodes))}
	for _, n := range s.Nodes {
		for _, d := range n.Depends {
			u.users[d]++
		}
	}
	for _, n := range s.Nodes {
		if u.users[n.Address] == 0 {
			u.free = append(u.free, n)
		}
	}
	heap.Init(&u.free)
	byAge := make([]*Node, 0, len(s.Nodes))
	for _, n := range s.Nodes {
		byAge = append(byAge, n)
	}
	slices.SortFunc(byAge, newestFirst)
	u.done = make(map[string]bool, len(s.Nodes))
	u.drain()
	for _, n := range byAge { // only what a cycle holds back is left
		if !u.done[n.Address] {
			heap.Push(&u.free, n)
			u.drain()
		}
	}
	return u.order
}

type undoing struct {
	state *State
	users map[string]int // nodes still to be undone that depend on each address
	free  undoHeap
	done  map[string]bool
	order []string
}

func (u *undoing) drain() {
	for u.free.Len() > 0 {
		n := heap.Pop(&u.free).(*Node)
		if u.done[n.Address] {
			continue
		}
		u.done[n.Address] = true
		u.order = append(u.order, n.Address)
		for _, d := range n.Depends {
			u.users[d]--
			if next := u.state.Nodes[d]; next != nil && u.users[d] == 0 {
				heap.Push(&u.free, next)
			}
		}
	}
}

type undoHeap []*Node

func (h undoHeap) Len() int           { return len(h) }
func (h undoHeap) Less(i, j int) bool { return newestFirst(h[i], h[j]) < 0 }
func (h undoHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *undoHeap) Push(x any)        { *h = append(*h, x.(*Node)) }
func (h *undoHeap) Pop() any {
	last := len(*h) - 1
	n := (*h)[last]
	*h = (*h)[:last]
	return n
}
