package graph

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	asciiWidth = 120 // columns of a drawing
	mostRails  = 24  // edges side by side; more cannot be followed with the eye
)

// WriteASCII draws the graph for a terminal, at most 120 columns wide: one line a
// node, what is needed above what needs it. From each node a rail leads down to
// those that need it. Where there are too many rails, each line says in words
// what its node needs. Equal graphs give equal bytes.
func WriteASCII(w io.Writer, g *Graph) error {
	d := &asciiDrawing{out: bufio.NewWriter(w), g: g, order: g.grouped(), needs: make([][]need, g.Len()), users: make([]int, g.Len())}
	for _, e := range g.drawn() {
		from, to := g.index[e.From], g.index[e.To]
		d.needs[from] = append(d.needs[from], need{to, e.Kind()})
		d.users[to]++
	}
	rails, wide := d.rails()
	if wide > mostRails {
		rails = nil
	}
	d.measure(wide, rails != nil)
	var within []string
	for k, i := range d.order {
		within = d.heading(rails, k, within)
		if rails == nil {
			d.row(i, "o", d.words(i))
		} else {
			d.row(i, rails[k].node, "")
		}
	}
	d.legend(rails != nil)
	return d.out.Flush()
}

type need struct {
	of   int32
	kind Kind
}

type asciiDrawing struct {
	out                 *bufio.Writer
	g                   *Graph
	order               []int32
	needs               [][]need
	users               []int
	left, label, detail int // columns
}

// measure gives the columns their width.
func (d *asciiDrawing) measure(rails int, drawn bool) {
	d.left = 2
	if drawn {
		d.left = 2*rails + 1
	}
	for _, n := range d.g.nodes {
		d.label = max(d.label, utf8.RuneCountInString(printable(n.label()))+2*len(n.Groups))
		d.detail = max(d.detail, utf8.RuneCountInString(printable(n.detail())))
	}
	d.label = min(d.label, 48, asciiWidth-d.left-24)
	d.detail = min(d.detail, 26)
}

// heading names the groups that begin with a node.
func (d *asciiDrawing) heading(rails []rail, k int, within []string) []string {
	groups := d.g.nodes[d.order[k]].Groups
	common := shared(groups, within)
	for depth := common; depth < len(groups); depth++ {
		left := ""
		if rails != nil {
			left = rails[k].above
		}
		d.line(left, strings.Repeat("  ", depth)+printable(groups[depth])+":")
	}
	return groups
}

func (d *asciiDrawing) row(i int32, left, needs string) {
	n, note := d.g.nodes[i], d.g.note(int(i))
	label := strings.Repeat("  ", len(n.Groups)) + printable(n.label())
	text := fmt.Sprintf("%-*s  %-*s", d.label, short(label, d.label), d.detail, short(printable(n.detail()), d.detail))
	for _, more := range []string{printable(note.line()), needs} {
		if more != "" {
			text += "  " + more
		}
	}
	d.line(left, text)
}

func (d *asciiDrawing) line(left, text string) {
	text = short(fmt.Sprintf("%-*s%s", d.left, left, text), asciiWidth)
	fmt.Fprintln(d.out, strings.TrimRight(text, " "))
}

// words says what a node needs.
func (d *asciiDrawing) words(i int32) string {
	var parts []string
	for _, kind := range []struct {
		kind Kind
		verb string
	}{{Data, "needs"}, {Order, "after"}, {Status, "status of"}} {
		var names []string
		for _, n := range d.needs[i] {
			if n.kind == kind.kind {
				names = append(names, printable(d.g.nodes[n.of].ID))
			}
		}
		if len(names) > 3 {
			names = append(names[:2], fmt.Sprintf("%d more", len(names)-2))
		}
		if len(names) > 0 {
			parts = append(parts, kind.verb+" "+strings.Join(names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

func (d *asciiDrawing) legend(drawn bool) {
	if d.g.Len() == 0 {
		fmt.Fprintln(d.out, "nothing")
	}
	if drawn && slices.ContainsFunc(d.needs, func(n []need) bool { return len(n) > 0 }) {
		fmt.Fprintf(d.out, "\n+ needs its outputs   ~ runs after it   ? asks how it ended\n")
	}
	if d.g.title != "" {
		fmt.Fprintf(d.out, "\n%s\n", printable(d.g.title))
	}
}

// grouped lists the nodes so that each comes after those it needs, and those of a
// group follow each other where they can.
func (g *Graph) grouped() []int32 {
	missing := make([]int, g.Len())
	var ready, order []int32
	for i := range g.nodes {
		if missing[i] = len(g.Needs(i)); missing[i] == 0 {
			ready = append(ready, int32(i))
		}
	}
	var within []string
	for len(ready) > 0 {
		best, most := 0, -1
		for k, i := range ready {
			if same := shared(g.nodes[i].Groups, within); same > most {
				best, most = k, same
			}
		}
		i := ready[best]
		ready = slices.Delete(ready, best, best+1)
		order, within = append(order, i), g.nodes[i].Groups
		for _, user := range g.Users(int(i)) {
			if missing[user]--; missing[user] == 0 {
				at, _ := slices.BinarySearch(ready, user)
				ready = slices.Insert(ready, at, user)
			}
		}
	}
	return order
}

// shared counts the groups that two lists begin with.
func shared(a, b []string) int {
	k := 0
	for k < len(a) && k < len(b) && a[k] == b[k] {
		k++
	}
	return k
}

// short cuts text to so many columns.
func short(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-2]) + ".."
}

// printable replaces what would move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
