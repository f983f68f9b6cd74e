package expand

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/graph"
)

// graph orders the nodes, or reports a cycle.
func (s *session) graph(nodes []*Node) (*graph.Graph, hcl.Diagnostics) {
	b := graph.NewBuilder()
	var errs []error
	for _, n := range nodes {
		errs = append(errs, b.AddNode(graph.Node{ID: n.Address, Label: n.label(), Detail: n.Plugin + "." + n.Type, Role: n.role(), Groups: n.Modules}))
	}
	for _, n := range nodes {
		for _, e := range n.Edges {
			why := graph.Reason{Kind: e.Kind, Text: e.Ref, File: e.Range.Filename, Line: e.Range.Start.Line}
			errs = append(errs, b.AddEdge(n.Address, e.To, why))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, diag.FromError(err)
	}
	g, err := b.Freeze()
	var cycle *graph.CycleError
	if errors.As(err, &cycle) {
		return nil, s.cycle(cycle)
	}
	return g, diag.FromError(err)
}

func (n *Node) role() graph.Role {
	switch {
	case n.Undo:
		return graph.Undo
	case n.Finally:
		return graph.Finally
	default:
		return ""
	}
}

// label is the address without the modules around it.
func (n *Node) label() string {
	if len(n.Modules) == 0 {
		return n.Address
	}
	return strings.TrimPrefix(n.Address, n.Modules[len(n.Modules)-1]+".")
}

// cycle lists every edge of a cycle with its place and its source line.
func (s *session) cycle(c *graph.CycleError) hcl.Diagnostics {
	rows := make([][3]string, len(c.Edges))
	var width [3]int
	for i, e := range c.Edges {
		why := e.Reasons[0]
		rows[i] = [3]string{fmt.Sprintf("%s:%d", why.File, why.Line), e.From, "needs " + why.Text}
		if why.Kind == Order {
			rows[i][2] = "waits for " + why.Text
		}
		if !strings.HasPrefix(e.To, why.Text) && !strings.HasPrefix(why.Text, e.To) {
			rows[i][2] += " (" + e.To + ")"
		}
		for k, text := range rows[i] {
			width[k] = max(width[k], len(text))
		}
	}
	var b strings.Builder
	b.WriteString("These phases wait for each other, so that none of them can start:\n\n")
	for i, e := range c.Edges {
		why := e.Reasons[0]
		fmt.Fprintf(&b, "  %-*s  %-*s  %-*s  %4d | %s\n", width[0], rows[i][0], width[1], rows[i][1], width[2], rows[i][2],
			why.Line, s.line(why.File, why.Line))
	}
	b.WriteString("\nBreak one of them: read a variable or a local instead of an output, or let one phase do both.")
	first := c.Edges[0].Reasons[0]
	d := &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  fmt.Sprintf("Dependency cycle (%s)", count(len(c.Edges), "phase")),
		Detail:   b.String(),
		Subject:  s.lineRange(first.File, first.Line, first.Text),
	}
	return hcl.Diagnostics{d}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// line returns a line of a source file without its indentation.
func (w *world) line(file string, number int) string {
	f := w.pipeline.Files[file]
	if f == nil {
		return ""
	}
	lines := strings.Split(string(f.Bytes), "\n")
	if number < 1 || number > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[number-1])
}

// lineRange is the place of a text in a line.
func (w *world) lineRange(file string, number int, text string) *hcl.Range {
	f := w.pipeline.Files[file]
	if f == nil {
		return nil
	}
	start := hcl.Pos{Line: number, Column: 1}
	for range number - 1 {
		start.Byte += strings.IndexByte(string(f.Bytes[start.Byte:]), '\n') + 1
	}
	line, _, _ := strings.Cut(string(f.Bytes[start.Byte:]), "\n")
	if i := strings.Index(line, text); i >= 0 {
		start.Byte, start.Column = start.Byte+i, 1+len([]rune(line[:i]))
	}
	end := start
	end.Byte, end.Column = end.Byte+len(text), end.Column+len([]rune(text))
	return &hcl.Range{Filename: file, Start: start, End: end}
}
