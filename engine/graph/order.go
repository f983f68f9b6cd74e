package graph

import "slices"

// kahn returns a topological order, or as much of one as there is before a cycle.
func (g *Graph) kahn() []int32 {
	missing := make([]int32, len(g.nodes))
	order := make([]int32, 0, len(g.nodes))
	for i := range g.nodes {
		if missing[i] = int32(len(g.needs.of(i))); missing[i] == 0 {
			order = append(order, int32(i))
		}
	}
	for k := 0; k < len(order); k++ {
		for _, user := range g.users.of(int(order[k])) {
			if missing[user]--; missing[user] == 0 {
				order = append(order, user)
			}
		}
	}
	return order
}

// Levels puts the nodes into rows: those that need nothing, those that need only
// the first row, and so on. Rows are in index order.
func (g *Graph) Levels() [][]int32 {
	level := make([]int, len(g.nodes))
	var rows [][]int32
	for _, i := range g.order {
		for _, need := range g.needs.of(int(i)) {
			level[i] = max(level[i], level[need]+1)
		}
		if level[i] == len(rows) {
			rows = append(rows, nil)
		}
		rows[level[i]] = append(rows[level[i]], i)
	}
	for _, row := range rows {
		slices.Sort(row)
	}
	return rows
}

// Remaining returns for each node the weight of the heaviest path that starts
// with it and follows its users, its own weight included: the least that is left
// to do when it becomes ready. A scheduler that prefers high numbers keeps the
// critical path busy. Weights must not be negative.
func (g *Graph) Remaining(weight func(i int) float64) []float64 {
	left := make([]float64, len(g.nodes))
	for _, i := range slices.Backward(g.order) {
		for _, user := range g.users.of(int(i)) {
			left[i] = max(left[i], left[user])
		}
		left[i] += weight(int(i))
	}
	return left
}

// CriticalPath returns the heaviest path through the graph in the order of
// running, and its weight.
func (g *Graph) CriticalPath(weight func(i int) float64) (path []int, total float64) {
	left := g.Remaining(weight)
	next := -1
	for i := range left {
		if len(g.needs.of(i)) == 0 && (next < 0 || left[i] > left[next]) {
			next = i
		}
	}
	if next < 0 {
		return nil, 0
	}
	total = left[next]
	for next >= 0 {
		path = append(path, next)
		at := next
		next = -1
		for _, user := range g.users.of(at) {
			if next < 0 || left[user] > left[next] {
				next = int(user)
			}
		}
	}
	return path, total
}
