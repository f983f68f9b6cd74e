package graph

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// mostReduced is the size up to which drawings leave out edges that a longer path
// implies; the work grows with the square of the number of nodes.
const mostReduced = 2000

// WriteDOT draws the graph for Graphviz: from what is needed to what needs it,
// one cluster for each group, data edges solid, order edges dashed, status edges
// dotted. Equal graphs give equal bytes.
func WriteDOT(w io.Writer, g *Graph) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "digraph pipeline {\n  rankdir = LR\n  node [shape = box, fontname = \"sans-serif\"]\n  edge [fontname = \"sans-serif\"]\n")
	if g.title != "" {
		fmt.Fprintf(out, "  label = %s\n", dotQuote(g.title))
	}
	d := dotDrawing{out: out, g: g}
	d.group(g.groups(), "  ")
	for _, e := range g.drawn() {
		style := ""
		switch e.Kind() {
		case Order:
			style = " [style = dashed]"
		case Status:
			style = " [style = dotted]"
		case Data:
		}
		fmt.Fprintf(out, "  %s -> %s%s\n", dotQuote(e.To), dotQuote(e.From), style)
	}
	fmt.Fprint(out, "}\n")
	return out.Flush()
}

type dotDrawing struct {
	out      io.Writer
	g        *Graph
	clusters int
}

func (d *dotDrawing) group(in *group, indent string) {
	for _, i := range in.nodes {
		n := d.g.nodes[i]
		label := dotEscape(n.label())
		if detail := n.detail(); detail != "" {
			label += `\n` + dotEscape(detail)
		}
		note := d.g.note(int(i))
		colours := n.Role.dot(note.Action != "")
		if note.Action != "" {
			label += `\n` + dotEscape(note.line())
			fill, line, _, _ := note.Tone.colours()
			colours += fmt.Sprintf(", fillcolor = %q, color = %q", fill, line)
		}
		fmt.Fprintf(d.out, "%s%s [label = \"%s\"%s]\n", indent, dotQuote(n.ID), label, colours)
	}
	for _, sub := range in.groups {
		fmt.Fprintf(d.out, "%ssubgraph cluster_%d {\n%s  label = %s\n", indent, d.clusters, indent, dotQuote(sub.label))
		d.clusters++
		d.group(sub, indent+"  ")
		fmt.Fprintf(d.out, "%s}\n", indent)
	}
}

// dot is how a role looks in a DOT file: with a second border, or a dashed one.
func (r Role) dot(filled bool) string {
	var look string
	var styles []string
	if r == Finally {
		look = ", peripheries = 2"
	}
	if r == Undo {
		styles = append(styles, "dashed")
	}
	if filled {
		styles = append(styles, "filled")
	}
	switch len(styles) {
	case 0:
		return look
	case 1:
		return look + ", style = " + styles[0]
	default:
		return look + fmt.Sprintf(", style = %q", strings.Join(styles, ","))
	}
}

// mermaid is the shape of a role: a box, one with double sides, or a hexagon.
func (r Role) mermaid() (left, right string) {
	switch r {
	case Finally:
		return "[[", "]]"
	case Undo:
		return "{{", "}}"
	default:
		return "[", "]"
	}
}

func dotQuote(s string) string { return `"` + dotEscape(s) + `"` }

// dotEscape escapes text for a quoted string, in which a backslash is only special
// before some letters; doubling it is right in labels, where IDs are not shown.
func dotEscape(s string) string {
	if !strings.ContainsAny(s, "\\\"\n") { // a replacer is costly to make
		return s
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// WriteMermaid draws the graph as a Mermaid flowchart, as Markdown pages show it.
func WriteMermaid(w io.Writer, g *Graph) error {
	out := bufio.NewWriter(w)
	if g.title != "" {
		fmt.Fprintf(out, "---\ntitle: %q\n---\n", g.title)
	}
	fmt.Fprint(out, "flowchart LR\n")
	d := mermaidDrawing{out: out, g: g}
	d.group(g.groups(), "  ")
	d.classes()
	for _, e := range g.drawn() {
		arrow := "-->"
		switch e.Kind() {
		case Order:
			arrow = "-.->"
		case Status:
			arrow = "-.->|status|"
		case Data:
		}
		fmt.Fprintf(out, "  n%d %s n%d\n", g.index[e.To], arrow, g.index[e.From])
	}
	return out.Flush()
}

type mermaidDrawing struct {
	out    io.Writer
	g      *Graph
	groups int
}

func (d *mermaidDrawing) group(in *group, indent string) {
	for _, i := range in.nodes {
		n := d.g.nodes[i]
		label := mermaidEscape(n.label())
		if detail := n.detail(); detail != "" {
			label += "<br/>" + mermaidEscape(detail)
		}
		class, note := "", d.g.note(int(i))
		if note.Action != "" {
			label += "<br/>" + mermaidEscape(note.line())
			class = ":::" + string(note.Tone)
		}
		left, right := n.Role.mermaid()
		fmt.Fprintf(d.out, "%sn%d%s\"%s\"%s%s\n", indent, i, left, label, right, class)
	}
	for _, sub := range in.groups {
		fmt.Fprintf(d.out, "%ssubgraph g%d[\"%s\"]\n", indent, d.groups, mermaidEscape(sub.label))
		d.groups++
		d.group(sub, indent+"  ")
		fmt.Fprintf(d.out, "%send\n", indent)
	}
}

// classes gives notes their colours.
func (d *mermaidDrawing) classes() {
	if d.g.notes == nil {
		return
	}
	for _, t := range tones() {
		fill, line, _, _ := t.colours()
		fmt.Fprintf(d.out, "  classDef %s fill:%s,stroke:%s,color:#1f2328\n", t, fill, line)
	}
}

// mermaidEscape writes what has a meaning in a quoted label as entities.
func mermaidEscape(s string) string {
	if !strings.ContainsAny(s, "#\"<>&\n`\\") {
		return s
	}
	return strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "\n", " ", "`", "#96;", `\`, "#92;").Replace(s)
}

func (n Node) label() string { return cmp.Or(n.Label, n.ID) }

// detail is the second line, with the role.
func (n Node) detail() string {
	switch {
	case n.Role == "":
		return n.Detail
	case n.Detail == "":
		return string(n.Role)
	default:
		return n.Detail + ", " + string(n.Role)
	}
}

// group is a cluster of a drawing.
type group struct {
	label  string
	nodes  []int32
	groups []*group
}

// groups returns the tree of clusters: nodes in index order, clusters in the order
// of their labels.
func (g *Graph) groups() *group {
	root := &group{}
	byPath := map[string]*group{}
	for i, n := range g.nodes {
		at, path := root, ""
		for _, label := range n.Groups {
			path += "\x00" + label
			next := byPath[path]
			if next == nil {
				next = &group{label: label}
				byPath[path] = next
				at.groups = append(at.groups, next)
			}
			at = next
		}
		at.nodes = append(at.nodes, int32(i))
	}
	for _, in := range byPath {
		in.sort()
	}
	root.sort()
	return root
}

func (in *group) sort() {
	slices.SortFunc(in.groups, func(a, b *group) int { return cmp.Compare(a.label, b.label) })
}
