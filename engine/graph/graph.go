// Package graph holds the dependency graph of a pipeline and answers: is it
// acyclic, in which order may its nodes run, and which path through it is the
// longest.
//
// A [Builder] is edited node by node and edge by edge; [Builder.Freeze] makes a
// [Graph] of it, or a [CycleError] that names one shortest cycle. A Graph never
// changes and is safe for concurrent use. Nodes are numbered in the order of
// their IDs, and everything is listed in that order, so plans, drawings and
// tests are reproducible.
//
// The package knows no HCL, plugins or time: a node is an ID, an edge carries
// text and a source line that mean nothing here.
package graph

// Kind says why one node waits for another.
type Kind string

// The kinds of edges.
const (
	// Data edges carry a value: the needed node must have succeeded.
	Data Kind = "data"
	// Order edges carry nothing but order.
	Order Kind = "order"
	// Status edges ask how the needed node ended, whatever the answer.
	Status Kind = "status"
)

// Node is a vertex.
type Node struct {
	// ID is unique in the graph.
	ID string
	// Label is what drawings show. Empty means the ID.
	Label string
	// Detail is a second line in drawings. May be empty.
	Detail string
	Role   Role
	// Groups are the nested clusters that hold the node, outermost first.
	Groups []string
}

// Role is what sets a node apart from those that are made in their turn.
type Role string

// The roles besides the zero value.
const (
	Finally Role = "finally" // made when all others have ended
	Undo    Role = "undo"    // removed instead of made
)

// Reason is one cause of an edge. The fields besides Kind are opaque.
type Reason struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text,omitempty"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Edge says that From needs To. There is one edge for each pair of nodes, with
// all reasons for it in the order in which they were added.
type Edge struct {
	From, To string
	Reasons  []Reason
}

// Kind is the strictest kind among the reasons: data, then order, then status.
func (e Edge) Kind() Kind {
	kind := Status
	for _, r := range e.Reasons {
		switch r.Kind {
		case Data:
			return Data
		case Order:
			kind = Order
		case Status:
		}
	}
	return kind
}

// Graph is a frozen acyclic graph. Nodes are addressed by their index.
type Graph struct {
	nodes []Node
	index map[string]int32
	needs adjacency // by needing node
	users adjacency // by needed node
	edges [][]Reason
	order []int32
	title string // see Annotate
	notes []Note // nil, or one for each node
}

// adjacency is a list of neighbours in compressed sparse row form: those of node
// i are to[start[i]:start[i+1]], and edge holds the number of each edge.
type adjacency struct {
	start []int32
	to    []int32
	edge  []int32
}

func (a adjacency) of(i int) []int32    { return a.to[a.start[i]:a.start[i+1]] }
func (a adjacency) edges(i int) []int32 { return a.edge[a.start[i]:a.start[i+1]] }

// Len is the number of nodes.
func (g *Graph) Len() int { return len(g.nodes) }

// Node returns the node with index i.
func (g *Graph) Node(i int) Node { return g.nodes[i] }

// Index finds a node by its ID.
func (g *Graph) Index(id string) (int, bool) {
	i, ok := g.index[id]
	return int(i), ok
}

// Needs lists the nodes that node i needs, in index order. The caller must not
// change it.
func (g *Graph) Needs(i int) []int32 { return g.needs.of(i) }

// Users lists the nodes that need node i, in index order. The caller must not
// change it.
func (g *Graph) Users(i int) []int32 { return g.users.of(i) }

// Order lists all nodes so that each comes after those it needs. The caller must
// not change it.
func (g *Graph) Order() []int32 { return g.order }

// Edges lists all edges by From, then To.
func (g *Graph) Edges() []Edge {
	list := make([]Edge, 0, len(g.edges))
	for from := range g.nodes {
		edges := g.needs.edges(from)
		for k, to := range g.needs.of(from) {
			list = append(list, Edge{g.nodes[from].ID, g.nodes[to].ID, g.edges[edges[k]]})
		}
	}
	return list
}

// Edge returns the edge by which from needs to.
func (g *Graph) Edge(from, to int) (Edge, bool) {
	edges := g.needs.edges(from)
	for k, other := range g.needs.of(from) {
		if int(other) == to {
			return Edge{g.nodes[from].ID, g.nodes[to].ID, g.edges[edges[k]]}, true
		}
	}
	return Edge{}, false
}

// Reverse returns the graph with every edge turned round, as an undo needs it.
func (g *Graph) Reverse() *Graph {
	r := &Graph{nodes: g.nodes, index: g.index, needs: g.users, users: g.needs, edges: g.edges}
	r.order = make([]int32, len(g.order))
	for k, i := range g.order {
		r.order[len(g.order)-1-k] = i
	}
	return r
}
