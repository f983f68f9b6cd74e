package graph

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestOrderProperties draws random graphs: either there is an order in which
// every node comes after its needs, or the error is a cycle of the graph that
// cannot be made shorter by starting at one of its nodes.
func TestOrderProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 25).Draw(t, "size")
		edges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]int {
			return [2]int{rapid.IntRange(0, size-1).Draw(t, "from"), rapid.IntRange(0, size-1).Draw(t, "to")}
		}), 0, 2*size).Draw(t, "edges")
		forward := rapid.Bool().Draw(t, "forward")
		b := NewBuilder()
		id := func(i int) string { return fmt.Sprintf("n%02d", i) }
		for i := range size {
			if err := b.AddNode(Node{ID: id(i)}); err != nil {
				t.Fatal(err)
			}
		}
		needs := map[string]map[string]bool{}
		for _, e := range edges {
			from, to := e[0], e[1]
			if forward && from <= to {
				continue
			}
			if err := b.AddEdge(id(from), id(to), Reason{Kind: Data}); err != nil {
				t.Fatal(err)
			}
			if needs[id(from)] == nil {
				needs[id(from)] = map[string]bool{}
			}
			needs[id(from)][id(to)] = true
		}
		g, err := b.Freeze()
		if err != nil {
			checkCycle(t, err, needs, forward)
			return
		}
		checkOrder(t, g, needs)
		checkRemaining(t, g)
	})
}

func checkCycle(t *rapid.T, err error, needs map[string]map[string]bool, forward bool) {
	var cycle *CycleError
	if !errors.As(err, &cycle) || forward {
		t.Fatalf("Freeze: got error %v", err)
	}
	seen := map[string]bool{}
	for i, e := range cycle.Edges {
		next := cycle.Edges[(i+1)%len(cycle.Edges)]
		if e.To != next.From || !needs[e.From][e.To] || seen[e.From] {
			t.Fatalf("no simple cycle: %v", cycle)
		}
		if e.From < cycle.Edges[0].From {
			t.Fatalf("does not start at its smallest node: %v", cycle)
		}
		seen[e.From] = true
	}
	// A shortest cycle has no chord.
	for from := range seen {
		inside := 0
		for to := range needs[from] {
			if seen[to] {
				inside++
			}
		}
		if inside != 1 {
			t.Fatalf("%s has a chord, so %v is not shortest", from, cycle)
		}
	}
}

func checkOrder(t *rapid.T, g *Graph, needs map[string]map[string]bool) {
	at := map[string]int{}
	for k, i := range g.Order() {
		at[g.Node(int(i)).ID] = k
	}
	if len(at) != g.Len() {
		t.Fatalf("order has %d nodes of %d", len(at), g.Len())
	}
	count := 0
	for from, list := range needs {
		for to := range list {
			count++
			if at[to] >= at[from] {
				t.Fatalf("%s comes before %s, which it needs", from, to)
			}
		}
	}
	if len(g.Edges()) != count {
		t.Fatalf("%d edges, want %d", len(g.Edges()), count)
	}
	for k, i := range g.Reverse().Order() {
		if at[g.Node(int(i)).ID] != g.Len()-1-k {
			t.Fatal("the order of the reverse is not the reverse of the order")
		}
	}
}

func checkRemaining(t *rapid.T, g *Graph) {
	weight := func(i int) float64 { return float64(i%3) + 1 }
	left := g.Remaining(weight)
	for i := range g.Len() {
		best := 0.0
		for _, user := range g.Users(i) {
			best = max(best, left[user])
		}
		if left[i] != best+weight(i) {
			t.Fatalf("remaining of %d: got %g, want %g", i, left[i], best+weight(i))
		}
	}
	path, total := g.CriticalPath(weight)
	sum := 0.0
	for _, i := range path {
		sum += weight(i)
	}
	if sum != total {
		t.Fatalf("critical path weighs %g, said %g", sum, total)
	}
}
