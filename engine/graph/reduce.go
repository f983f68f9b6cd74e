package graph

// drawn returns the edges of a drawing: all of a large graph, else those that no
// longer path implies. Status edges stay, as they mean something of their own.
func (g *Graph) drawn() []Edge {
	edges := g.Edges()
	if len(g.nodes) > mostReduced {
		return edges
	}
	reach := g.reach()
	kept := edges[:0]
	for _, e := range edges {
		if e.Kind() == Status || !g.implied(reach, g.index[e.From], g.index[e.To]) {
			kept = append(kept, e)
		}
	}
	return kept
}

// implied reports whether another need of from needs to, directly or not, so that
// from waits for to anyway.
func (g *Graph) implied(reach []bitset, from, to int32) bool {
	edges := g.needs.edges(int(from))
	for k, via := range g.needs.of(int(from)) {
		if via != to && g.kind(edges[k]) != Status && reach[via].has(to) {
			return true
		}
	}
	return false
}

func (g *Graph) kind(edge int32) Kind { return Edge{Reasons: g.edges[edge]}.Kind() }

// reach returns for each node all that it needs, directly or not, but not through
// status edges: who waits for any end of a node does not wait for its success.
func (g *Graph) reach() []bitset {
	words := (len(g.nodes) + 63) / 64
	all := make([]bitset, len(g.nodes))
	for _, i := range g.order {
		set := make(bitset, words)
		edges := g.needs.edges(int(i))
		for k, need := range g.needs.of(int(i)) {
			if g.kind(edges[k]) == Status {
				continue
			}
			set.add(need)
			set.union(all[need])
		}
		all[i] = set
	}
	return all
}

type bitset []uint64

func (b bitset) has(i int32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) add(i int32)      { b[i/64] |= 1 << (i % 64) }

func (b bitset) union(other bitset) {
	for i, word := range other {
		b[i] |= word
	}
}
