package graph

import (
	"slices"
	"strings"
)

// rail is what stands to the left of a node's line, and of a heading above it.
type rail struct{ node, above string }

// rails follows the edges down the page: every node has a column of its own for as
// long as someone needs it. It returns the number of columns.
func (d *asciiDrawing) rails() (rows []rail, wide int) {
	var columns []int32 // the node of each, or -1
	left := slices.Clone(d.users)
	for _, i := range d.order {
		above := railText(columns, -1, nil)
		kinds := map[int]Kind{}
		for _, n := range d.needs[i] {
			kinds[slices.Index(columns, n.of)] = n.kind
		}
		at := slices.Index(columns, -1)
		if at < 0 {
			at = len(columns)
			columns = append(columns, -1)
		}
		rows = append(rows, rail{railText(columns, at, kinds), above})
		wide = max(wide, len(columns))
		if wide > mostRails {
			return nil, wide
		}
		columns[at] = i
		for _, n := range d.needs[i] {
			if left[n.of]--; left[n.of] == 0 {
				columns[slices.Index(columns, n.of)] = -1
			}
		}
		if left[i] == 0 {
			columns[at] = -1
		}
		for len(columns) > 0 && columns[len(columns)-1] < 0 {
			columns = columns[:len(columns)-1]
		}
	}
	return rows, wide
}

// railText draws one line: a node in column at, with lines from the columns of
// what it needs. Without a node, at is -1 and kinds is empty.
func railText(columns []int32, at int, kinds map[int]Kind) string {
	first, last := at, at
	for c := range kinds {
		first, last = min(first, c), max(last, c)
	}
	text := []byte(strings.Repeat(" ", 2*len(columns)))
	for k := 2 * max(first, 0); k < 2*last; k++ {
		text[k] = '-'
	}
	for c, node := range columns {
		kind, joined := kinds[c]
		switch {
		case c == at:
			text[2*c] = 'o'
		case joined:
			text[2*c] = kind.joint()
		case node >= 0:
			text[2*c] = '|'
		}
	}
	return strings.TrimRight(string(text), " ")
}

// joint is the character at which an edge leaves a rail.
func (k Kind) joint() byte {
	switch k {
	case Order:
		return '~'
	case Status:
		return '?'
	case Data:
	}
	return '+'
}
