package run

import "container/heap"

// queue holds nodes, the one on the longest remaining path first; among equal
// ones the lowest id.
type queue struct{ heap nodeHeap }

func newQueue(paths []float64) *queue { return &queue{heap: nodeHeap{paths: paths}} }

func (q *queue) empty() bool { return len(q.heap.ids) == 0 }
func (q *queue) push(id int) { heap.Push(&q.heap, id) }
func (q *queue) pop() int    { return heap.Pop(&q.heap).(int) }

type nodeHeap struct {
	paths []float64 // of all nodes, by id
	ids   []int
}

func (h *nodeHeap) Len() int      { return len(h.ids) }
func (h *nodeHeap) Swap(i, j int) { h.ids[i], h.ids[j] = h.ids[j], h.ids[i] }
func (h *nodeHeap) Push(x any)    { h.ids = append(h.ids, x.(int)) }

func (h *nodeHeap) Less(i, j int) bool {
	a, b := h.ids[i], h.ids[j]
	if h.paths[a] != h.paths[b] {
		return h.paths[a] > h.paths[b]
	}
	return a < b
}

func (h *nodeHeap) Pop() any {
	last := len(h.ids) - 1
	id := h.ids[last]
	h.ids = h.ids[:last]
	return id
}
