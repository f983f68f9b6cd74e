package graph

import (
	"slices"
	"strings"
)

// cycleStarts bounds the nodes from which a shortest cycle is searched, so that
// a very large knot is reported soon rather than minimally.
const cycleStarts = 2000

// CycleError reports nodes that need each other.
type CycleError struct {
	// Edges form the cycle: each starts where the one before ends, and the last
	// ends where the first starts, at the smallest ID of the cycle.
	Edges []Edge
}

// Error is of the form "cycle: a -> b -> a".
func (e *CycleError) Error() string {
	var b strings.Builder
	b.WriteString("cycle: ")
	for _, edge := range e.Edges {
		b.WriteString(edge.From)
		b.WriteString(" -> ")
	}
	if len(e.Edges) > 0 {
		b.WriteString(e.Edges[0].From)
	}
	return b.String()
}

// shortestCycle finds a cycle with the fewest edges in the first knot that has
// one.
func (g *Graph) shortestCycle() []Edge {
	var best []int32
	for _, knot := range g.knots() {
		inside := make(map[int32]bool, len(knot))
		for _, i := range knot {
			inside[i] = true
		}
		for _, start := range knot[:min(len(knot), cycleStarts)] {
			if found := g.cycleThrough(start, inside, len(best)); found != nil {
				best = found
			}
			if len(best) == 1 {
				break
			}
		}
		if best != nil {
			break
		}
	}
	return g.cycleEdges(best)
}

// cycleThrough returns a shortest cycle that starts with start and stays inside,
// if it has fewer nodes than limit. Zero means no limit.
func (g *Graph) cycleThrough(start int32, inside map[int32]bool, limit int) []int32 {
	before := map[int32]int32{}
	depth := map[int32]int{start: 1}
	queue := []int32{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if limit > 0 && depth[at] >= limit {
			return nil
		}
		for _, to := range g.needs.of(int(at)) {
			if to == start {
				return trace(before, start, at)
			}
			if inside[to] && depth[to] == 0 {
				before[to], depth[to] = at, depth[at]+1
				queue = append(queue, to)
			}
		}
	}
	return nil
}

func trace(before map[int32]int32, start, end int32) []int32 {
	path := []int32{end}
	for at := end; at != start; {
		at = before[at]
		path = append(path, at)
	}
	slices.Reverse(path)
	return path
}

// cycleEdges turns a cycle of nodes into edges, from its smallest node on.
func (g *Graph) cycleEdges(cycle []int32) []Edge {
	if len(cycle) == 0 {
		return nil
	}
	first := slices.Index(cycle, slices.Min(cycle))
	edges := make([]Edge, len(cycle))
	for k := range cycle {
		from, to := cycle[(first+k)%len(cycle)], cycle[(first+k+1)%len(cycle)]
		edges[k], _ = g.Edge(int(from), int(to))
	}
	return edges
}

// knots returns the strongly connected components that hold a cycle, each in
// index order (Tarjan's algorithm, without recursion).
func (g *Graph) knots() [][]int32 {
	t := tarjan{g: g, number: make([]int32, len(g.nodes)), low: make([]int32, len(g.nodes)), open: make([]bool, len(g.nodes))}
	for i := range g.nodes {
		if t.number[i] == 0 {
			t.visit(int32(i))
		}
	}
	return t.knots
}

type tarjan struct {
	g      *Graph
	number []int32 // order of discovery, from 1
	low    []int32
	open   []bool // still on the stack
	stack  []int32
	next   int32
	knots  [][]int32
}

// frame is one level of what would be the recursion.
type frame struct {
	node int32
	edge int // next neighbour to look at
}

func (t *tarjan) visit(root int32) {
	frames := []frame{t.enter(root)}
	for len(frames) > 0 {
		f := &frames[len(frames)-1]
		needs := t.g.needs.of(int(f.node))
		if f.edge == len(needs) {
			t.leave(f.node)
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				up := frames[len(frames)-1].node
				t.low[up] = min(t.low[up], t.low[f.node])
			}
			continue
		}
		to := needs[f.edge]
		f.edge++
		switch {
		case t.number[to] == 0:
			frames = append(frames, t.enter(to))
		case t.open[to]:
			t.low[f.node] = min(t.low[f.node], t.number[to])
		}
	}
}

func (t *tarjan) enter(i int32) frame {
	t.next++
	t.number[i], t.low[i], t.open[i] = t.next, t.next, true
	t.stack = append(t.stack, i)
	return frame{node: i}
}

func (t *tarjan) leave(i int32) {
	if t.low[i] != t.number[i] {
		return
	}
	at := len(t.stack) - 1
	for t.stack[at] != i {
		at--
	}
	knot := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, n := range knot {
		t.open[n] = false
	}
	slices.Sort(knot)
	if len(knot) > 1 || slices.Contains(t.g.needs.of(int(i)), i) {
		t.knots = append(t.knots, knot)
	}
}
