package graph

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	dag "github.com/dominikbraun/graph"
)

// Builder is a graph under construction. It may hold cycles. It is not safe for
// concurrent use.
type Builder struct{ g dag.Graph[string, *Node] }

// NewBuilder returns an empty graph to add to.
//
// The library is used as a store only: its own cycle check, sorting, reduction
// and drawing take quadratic time.
func NewBuilder() *Builder {
	return &Builder{g: dag.New(func(n *Node) string { return n.ID }, dag.Directed())}
}

// AddNode adds a node. The error is about an ID that is taken.
func (b *Builder) AddNode(n Node) error {
	if err := b.g.AddVertex(&n); err != nil {
		return fmt.Errorf("add node %q: %w", n.ID, err)
	}
	return nil
}

// AddEdge says that node from needs node to. A further edge between the same two
// adds its reason. The error is about a node that is not there.
func (b *Builder) AddEdge(from, to string, why Reason) error {
	err := b.g.AddEdge(from, to, dag.EdgeData([]Reason{why}))
	if errors.Is(err, dag.ErrEdgeAlreadyExists) {
		err = b.addReason(from, to, why)
	}
	if err != nil {
		return fmt.Errorf("add edge %q to %q: %w", from, to, err)
	}
	return nil
}

func (b *Builder) addReason(from, to string, why Reason) error {
	edge, err := b.g.Edge(from, to)
	if err != nil {
		return err
	}
	reasons, _ := edge.Properties.Data.([]Reason)
	if slices.Contains(reasons, why) {
		return nil
	}
	return b.g.UpdateEdge(from, to, dag.EdgeData(append(slices.Clip(reasons), why)))
}

// RemoveEdge takes away the edge by which from needs to, with all its reasons.
func (b *Builder) RemoveEdge(from, to string) error {
	if err := b.g.RemoveEdge(from, to); err != nil {
		return fmt.Errorf("remove edge %q to %q: %w", from, to, err)
	}
	return nil
}

// Freeze returns the graph as it is now. The error is a [*CycleError] if there is
// no order in which the nodes could run.
func (b *Builder) Freeze() (*Graph, error) {
	out, err := b.g.AdjacencyMap()
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	ids := slices.Sorted(maps.Keys(out))
	g := &Graph{nodes: make([]Node, len(ids)), index: make(map[string]int32, len(ids))}
	for i, id := range ids {
		n, err := b.g.Vertex(id)
		if err != nil {
			return nil, fmt.Errorf("read node %q: %w", id, err)
		}
		g.nodes[i], g.index[id] = *n, int32(i)
	}
	g.link(ids, out)
	if g.order = g.kahn(); len(g.order) < len(g.nodes) {
		return nil, &CycleError{Edges: g.shortestCycle()}
	}
	return g, nil
}

// link fills both adjacency lists.
func (g *Graph) link(ids []string, out map[string]map[string]dag.Edge[string]) {
	counts := make([]int32, len(ids)+1)
	g.needs.start = make([]int32, len(ids)+1)
	for i, id := range ids {
		from := int32(len(g.needs.to))
		for to := range out[id] {
			g.needs.to = append(g.needs.to, g.index[to])
		}
		row := g.needs.to[from:]
		slices.Sort(row)
		for _, to := range row {
			reasons, _ := out[id][ids[to]].Properties.Data.([]Reason)
			g.needs.edge = append(g.needs.edge, int32(len(g.edges)))
			g.edges = append(g.edges, reasons)
			counts[to+1]++
		}
		g.needs.start[i+1] = int32(len(g.needs.to))
	}
	g.users = g.needs.transpose(counts)
}

// transpose turns the rows into columns. counts[i+1] is the number of entries
// that point to i.
func (a adjacency) transpose(counts []int32) adjacency {
	for i := 1; i < len(counts); i++ {
		counts[i] += counts[i-1]
	}
	t := adjacency{start: slices.Clone(counts), to: make([]int32, len(a.to)), edge: make([]int32, len(a.to))}
	for from := range len(counts) - 1 {
		edges := a.edges(from)
		for k, to := range a.of(from) {
			t.to[counts[to]], t.edge[counts[to]] = int32(from), edges[k]
			counts[to]++
		}
	}
	return t
}
