package graph

import (
	"bufio"
	"cmp"
	"encoding/json"
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
		if n.Detail != "" {
			label += `\n` + dotEscape(n.Detail)
		}
		colours, note := "", d.g.note(int(i))
		if note.Action != "" {
			label += `\n` + dotEscape(note.line())
			fill, line, _, _ := note.Tone.colours()
			colours = fmt.Sprintf(", style = filled, fillcolor = %q, color = %q", fill, line)
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
		if n.Detail != "" {
			label += "<br/>" + mermaidEscape(n.Detail)
		}
		class, note := "", d.g.note(int(i))
		if note.Action != "" {
			label += "<br/>" + mermaidEscape(note.line())
			class = ":::" + string(note.Tone)
		}
		fmt.Fprintf(d.out, "%sn%d[\"%s\"]%s\n", indent, i, label, class)
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
	if !strings.ContainsAny(s, "#\"<>&\n`") {
		return s
	}
	return strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "\n", " ", "`", "#96;").Replace(s)
}

// WriteJSON writes nodes and edges, with all reasons and none left out.
func WriteJSON(w io.Writer, g *Graph) error {
	type node struct {
		ID     string   `json:"id"`
		Label  string   `json:"label"`
		Detail string   `json:"detail,omitempty"`
		Groups []string `json:"groups,omitempty"`
		Note   *Note    `json:"plan,omitempty"`
	}
	type edge struct {
		From    string   `json:"from"`
		To      string   `json:"to"`
		Kind    Kind     `json:"kind"`
		Reasons []Reason `json:"reasons,omitempty"`
	}
	doc := struct {
		Nodes []node `json:"nodes"`
		Edges []edge `json:"edges"` // from needs to
	}{Nodes: []node{}, Edges: []edge{}}
	for i, n := range g.nodes {
		var note *Note
		if g.notes != nil && g.notes[i].Action != "" {
			note = &g.notes[i]
		}
		doc.Nodes = append(doc.Nodes, node{n.ID, n.label(), n.Detail, n.Groups, note})
	}
	for _, e := range g.Edges() {
		doc.Edges = append(doc.Edges, edge{e.From, e.To, e.Kind(), e.Reasons})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func (n Node) label() string { return cmp.Or(n.Label, n.ID) }

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
