package graph

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// The measures of a drawing, in pixels.
const (
	nodeGap   = 12  // between nodes, one above the other
	layerGap  = 64  // between layers, for edges
	groupPad  = 12  // between a group's border and what is in it
	groupHead = 20  // for a group's name
	lineStep  = 15  // from one line of text to the next
	nodePad   = 7   // above and below the text of a node
	charWidth = 7.4 // of the font, on average
	longest   = 44  // characters in a line of a node; the rest is cut
	sweeps    = 24
)

// layout gives each node and group its place: layers by longest path from left
// to right; in a layer, each near the middle of its neighbours.
type layout struct {
	g      *Graph
	edges  []Edge // those drawn
	lines  [][]string
	layer  []int
	x      []int // of layers
	widths []int // of layers
	root   *item
	leaf   []*item // of nodes
	near   [][]int32
}

// item is a node or a group. Its place is that in the item around it.
type item struct {
	node        int32 // -1 for a group
	label       string
	in          []*item
	first, last int // layers
	depth       int // of groups in it
	y, h        int
	around      *item
	members     []int32 // the nodes in it
	want        float64
}

func newLayout(g *Graph) *layout {
	l := &layout{g: g, edges: g.drawn(), layer: make([]int, g.Len()), leaf: make([]*item, g.Len()), near: make([][]int32, g.Len())}
	for k, row := range g.Levels() {
		for _, i := range row {
			l.layer[i] = k
		}
	}
	for i, n := range g.nodes {
		text := []string{n.label()}
		for _, more := range []string{n.detail(), g.note(i).line()} {
			if more != "" {
				text = append(text, more)
			}
		}
		l.lines = append(l.lines, text)
	}
	for _, e := range l.edges {
		from, to := g.index[e.From], g.index[e.To]
		l.near[from] = append(l.near[from], to)
		l.near[to] = append(l.near[to], from)
	}
	l.root = l.tree(g.groups(), nil)
	l.columns()
	l.arrange()
	return l
}

// tree makes items of the groups of a drawing.
func (l *layout) tree(in *group, around *item) *item {
	it := &item{node: -1, label: in.label, around: around, first: len(l.layer)}
	add := func(sub *item) {
		it.in = append(it.in, sub)
		it.members = append(it.members, sub.members...)
		it.first, it.last = min(it.first, sub.first), max(it.last, sub.last)
		if sub.node < 0 {
			it.depth = max(it.depth, sub.depth+1)
		}
	}
	for _, i := range in.nodes {
		leaf := &item{
			node: i, first: l.layer[i], last: l.layer[i], members: []int32{i}, around: it,
			h: len(l.lines[i])*lineStep + 2*nodePad,
		}
		l.leaf[i] = leaf
		add(leaf)
	}
	for _, sub := range in.groups {
		add(l.tree(sub, it))
	}
	return it
}

// columns gives layers their width and place.
func (l *layout) columns() {
	for i, k := range l.layer {
		for len(l.widths) <= k {
			l.widths = append(l.widths, 0)
		}
		for _, text := range l.lines[i] {
			l.widths[k] = max(l.widths[k], int(charWidth*float64(min(utf8.RuneCountInString(text), longest)))+2*nodePad)
		}
	}
	x := groupPad * (l.root.depth + 1)
	for _, w := range l.widths {
		l.x = append(l.x, x)
		x += w + layerGap + groupPad*l.root.depth
	}
}

// arrange packs all items, then again and again in the order of their neighbours,
// and keeps the arrangement with the shortest edges.
func (l *layout) arrange() {
	l.pack(l.root)
	best, least := l.places(), l.cost()
	for range sweeps {
		l.wish(l.root)
		l.pack(l.root)
		if c := l.cost(); c < least {
			best, least = l.places(), c
		}
	}
	l.restore(best)
}

// wish lets each item want the place at which its edges to others would be level.
func (l *layout) wish(it *item) {
	for _, sub := range it.in {
		pull, edges := 0, 0
		for _, i := range sub.members {
			at := l.middle(i)
			for _, other := range l.near[i] {
				if !l.within(other, sub) {
					pull += l.middle(other) - at
					edges++
				}
			}
		}
		sub.want = float64(sub.y)
		if edges > 0 {
			sub.want += float64(pull) / float64(edges)
		}
		l.wish(sub)
	}
}

func (l *layout) within(i int32, it *item) bool {
	for at := l.leaf[i]; at != nil; at = at.around {
		if at == it {
			return true
		}
	}
	return false
}

// pack puts what is in a group below each other where layers overlap.
func (l *layout) pack(it *item) {
	if it.node >= 0 {
		return
	}
	for _, sub := range it.in {
		l.pack(sub)
	}
	slices.SortStableFunc(it.in, func(a, b *item) int { return cmp.Compare(a.want, b.want) })
	free := make([]int, len(l.widths)) // the first free place of each layer
	top, bottom := 1<<30, 0
	for _, sub := range it.in {
		span := free[sub.first : sub.last+1]
		sub.y = max(slices.Max(span), int(sub.want))
		top, bottom = min(top, sub.y), max(bottom, sub.y+sub.h)
		for k := range span {
			span[k] = sub.y + sub.h + nodeGap
		}
	}
	inset := 0
	if it.around != nil {
		inset = groupHead
	}
	for _, sub := range it.in {
		sub.y += inset - top
	}
	it.h = bottom - top + inset
	if it.around != nil {
		it.h += groupPad
	}
}

// top is where an item begins on the page.
func (it *item) top() int {
	if it.around == nil {
		return it.y
	}
	return it.y + it.around.top()
}

func (l *layout) middle(i int32) int { return l.leaf[i].top() + l.leaf[i].h/2 }

// cost is the height of all edges, and somewhat that of the page.
func (l *layout) cost() int {
	total := 2 * l.root.h
	for _, e := range l.edges {
		d := l.middle(l.g.index[e.From]) - l.middle(l.g.index[e.To])
		total += max(d, -d)
	}
	return total
}

// places remembers where every item is.
func (l *layout) places() map[*item][2]int {
	out := map[*item][2]int{}
	l.each(l.root, func(it *item) { out[it] = [2]int{it.y, it.h} })
	return out
}

func (l *layout) restore(places map[*item][2]int) {
	l.each(l.root, func(it *item) { it.y, it.h = places[it][0], places[it][1] })
}

func (l *layout) each(it *item, do func(*item)) {
	do(it)
	for _, sub := range it.in {
		l.each(sub, do)
	}
}
