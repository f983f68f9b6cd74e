package run

// EdgeKind is what a node demands of a node that it depends on.
type EdgeKind uint8

// The kinds of edge. A skipped dependency satisfies all of them, and so does a
// failed one with [NodeSpec.Continue].
const (
	EdgeData   EdgeKind = iota // uses its outputs: it must succeed
	EdgeOrder                  // comes after it: it must succeed
	EdgeStatus                 // looks at how it ended: any end will do
)

// Edge leads from a node to one that it depends on.
type Edge struct {
	To   int32
	Kind EdgeKind
}

// NodeSpec is a node as the scheduler sees it.
type NodeSpec struct {
	// Name is for messages only.
	Name string
	// Weight is how many seconds the node is expected to take. Zero means that it
	// is not known; it then counts as the mean of the known ones, or as 1.
	Weight float64
	// Pools limit how many of their nodes run at once. The node takes a slot of each.
	Pools []string
	// Continue lets the run go on as if a failure of this node were a success.
	Continue bool
	// Finally nodes start when all other nodes have ended, also after Stop. No
	// other node may depend on one.
	Finally bool
}

// Spec is a frozen acyclic graph with its limits.
type Spec struct {
	// Nodes have their index as id.
	Nodes []NodeSpec
	// Edges holds the dependencies of each node. Two edges to the same node are
	// allowed. It may be shorter than Nodes.
	Edges [][]Edge
	// Pools holds how many nodes of each pool may run at once. A pool that is not
	// listed, or with less than one, has one slot.
	Pools map[string]int
	// Slots is how many nodes may run at once. Zero means no limit.
	Slots int
	// FailFast makes the first failure act as Stop.
	FailFast bool
}

// dependents turns the edges round: for each node, those that depend on it.
func dependents(nodes int, edges [][]Edge) [][]Edge {
	count := make([]int, nodes)
	total := 0
	for _, deps := range edges {
		total += len(deps)
		for _, e := range deps {
			count[e.To]++
		}
	}
	room := make([]Edge, 0, total)
	out := make([][]Edge, nodes)
	for id, n := range count {
		out[id] = room[len(room) : len(room) : len(room)+n]
		room = room[:len(room)+n]
	}
	for id, deps := range edges {
		for _, e := range deps {
			out[e.To] = append(out[e.To], Edge{To: int32(id), Kind: e.Kind})
		}
	}
	return out
}

// remainingPaths returns for each node the expected seconds from its start to
// the end of the longest chain of dependents, the node included. It panics when
// the graph has a cycle, for then no order exists.
func remainingPaths(spec Spec, out [][]Edge) []float64 {
	unknown := meanWeight(spec.Nodes)
	paths := make([]float64, len(spec.Nodes))
	left := make([]int, len(spec.Nodes))
	var order []int // dependents before their dependencies
	for id := range spec.Nodes {
		if left[id] = len(out[id]); left[id] == 0 {
			order = append(order, id)
		}
	}
	for i := 0; i < len(order); i++ {
		id := order[i]
		weight := spec.Nodes[id].Weight
		if weight <= 0 {
			weight = unknown
		}
		paths[id] += weight // so far the longest path of its dependents
		for _, e := range spec.edges(id) {
			paths[e.To] = max(paths[e.To], paths[id])
			if left[e.To]--; left[e.To] == 0 {
				order = append(order, int(e.To))
			}
		}
	}
	if len(order) < len(spec.Nodes) {
		panic("run: the graph has a cycle")
	}
	return paths
}

func meanWeight(nodes []NodeSpec) float64 {
	sum, known := 0.0, 0
	for _, n := range nodes {
		if n.Weight > 0 {
			sum += n.Weight
			known++
		}
	}
	if known == 0 {
		return 1
	}
	return sum / float64(known)
}

func (s Spec) edges(id int) []Edge {
	if id < len(s.Edges) {
		return s.Edges[id]
	}
	return nil
}

func (s Spec) slots(pool string) int { return max(1, s.Pools[pool]) }
