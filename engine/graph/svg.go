package graph

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	pageMargin = 16
	titleStep  = 28
)

// WriteSVG draws the graph as a picture for browsers, from what is needed on the
// left to what needs it on the right: groups as boxes, data edges solid, order
// edges dashed, status edges dotted. It follows the reader's preference for light
// or dark pages. Equal graphs give equal bytes.
func WriteSVG(w io.Writer, g *Graph) error {
	out := bufio.NewWriter(w)
	l := newLayout(g)
	width, height := l.size()
	fmt.Fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", width, height, width, height)
	svgStyle(out)
	fmt.Fprint(out, "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n")
	d := svgDrawing{out: out, l: l}
	d.caption()
	fmt.Fprintf(out, "<g transform=\"translate(%d %d)\">\n", pageMargin, l.head())
	d.groups(l.root)
	for _, e := range l.edges {
		d.edge(e)
	}
	for i := range g.nodes {
		d.node(int32(i))
	}
	fmt.Fprint(out, "</g>\n</svg>\n")
	return out.Flush()
}

// svgStyle writes colours and dashes. It keeps to plain rules, which converters
// and editors know too.
func svgStyle(out io.Writer) {
	fmt.Fprint(out, `<style>
text { font: 12px "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
text.title { font-size: 14px }
text.detail, text.name, text.legend { font-size: 11px }
path.edge { fill: none; stroke-width: 1.2; marker-end: url(#arrow) }
path.edge:hover { stroke-width: 3 }
path.order { stroke-dasharray: 7 4 }
path.status { stroke-dasharray: 2 4 }
rect.finally { stroke-width: 3 }
rect.undo { stroke-dasharray: 5 3 }
`)
	svgColours(out, svgPage{page: "#ffffff", text: "#1f2328", faint: "#656d76", group: "#f6f8fa", border: "#d0d7de", edge: "#6e7781"}, false)
	fmt.Fprint(out, "@media (prefers-color-scheme: dark) {\n")
	svgColours(out, svgPage{page: "#0d1117", text: "#e6edf3", faint: "#8d96a0", group: "#10161d", border: "#30363d", edge: "#8b949e"}, true)
	fmt.Fprint(out, `}
</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>
`)
}

// svgPage is the colours of all that is no node.
type svgPage struct{ page, text, faint, group, border, edge string }

func svgColours(out io.Writer, p svgPage, dark bool) {
	fmt.Fprintf(out, `text { fill: %s }
text.detail, text.name, text.legend { fill: %s }
rect.page { fill: %s }
rect.group { fill: %s; stroke: %s }
path.edge { stroke: %s }
marker path { fill: %s }
`, p.text, p.faint, p.page, p.group, p.border, p.edge, p.edge)
	for _, t := range append([]Tone{""}, tones()...) {
		fill, line, darkFill, darkLine := t.colours()
		if dark {
			fill, line = darkFill, darkLine
		}
		within := ""
		if t != "" {
			within = "." + string(t) + " "
		}
		fmt.Fprintf(out, "%srect.node { fill: %s; stroke: %s }\n", within, fill, line)
	}
}

type svgDrawing struct {
	out io.Writer
	l   *layout
}

// size is that of the page.
func (l *layout) size() (width, height int) {
	width = 480 // of the legend
	if n := len(l.x); n > 0 {
		width = max(width, l.x[n-1]+l.widths[n-1]+groupPad*(l.root.depth+1)+2*pageMargin)
	}
	width = max(width, int(charWidth*1.2*float64(utf8.RuneCountInString(l.g.title)))+2*pageMargin)
	return width, l.head() + l.root.h + titleStep + pageMargin
}

// head is where the drawing begins.
func (l *layout) head() int {
	if l.g.title == "" {
		return pageMargin
	}
	return pageMargin + titleStep
}

// caption writes the title above the drawing and the legend below it.
func (d svgDrawing) caption() {
	if d.l.g.title != "" {
		d.text("title", pageMargin, pageMargin+12, d.l.g.title)
	}
	_, height := d.l.size()
	x := pageMargin
	for _, kind := range []struct {
		kind Kind
		text string
	}{{Data, "needs its outputs"}, {Order, "runs after it"}, {Status, "asks how it ended"}} {
		fmt.Fprintf(d.out, "<path class=\"edge %s\" d=\"M%d %dh36\"/>\n", kind.kind, x, height-pageMargin-4)
		d.text("legend", x+42, height-pageMargin, kind.text)
		x += 150
	}
}

// groups draws the boxes around nodes, outer ones first.
func (d svgDrawing) groups(it *item) {
	for _, sub := range it.in {
		if sub.node >= 0 {
			continue
		}
		pad := groupPad * (sub.depth + 1)
		x := d.l.x[sub.first] - pad
		end := d.l.x[sub.last] + d.l.widths[sub.last] + pad
		fmt.Fprintf(d.out, "<rect class=\"group\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", x, sub.top(), end-x, sub.h)
		d.text("name", x+8, sub.top()+14, cut(sub.label, longest))
		d.groups(sub)
	}
}

func (d svgDrawing) edge(e Edge) {
	l := d.l
	from, to := l.g.index[e.To], l.g.index[e.From] // in the direction of running
	x1, y1 := l.x[l.layer[from]]+l.widths[l.layer[from]], l.middle(from)
	x2, y2 := l.x[l.layer[to]], l.middle(to)
	bend := (x2 - x1) / 2
	if bend > 2*layerGap {
		bend = 2 * layerGap
	}
	var title strings.Builder
	fmt.Fprintf(&title, "%s needs %s (%s)", e.From, e.To, e.Kind())
	for _, r := range e.Reasons {
		if r.Text != "" {
			fmt.Fprintf(&title, "\n%s %s:%d", r.Text, r.File, r.Line)
		}
	}
	fmt.Fprintf(d.out, "<path class=\"edge %s\" d=\"M%d %dC%d %d %d %d %d %d\"><title>%s</title></path>\n",
		e.Kind(), x1, y1, x1+bend, y1, x2-bend, y2, x2, y2, xmlEscape(title.String()))
}

func (d svgDrawing) node(i int32) {
	l, n := d.l, d.l.g.nodes[i]
	x, y := l.x[l.layer[i]], l.leaf[i].top()
	fmt.Fprintf(d.out, "<g class=\"%s\"><title>%s</title>", l.g.note(int(i)).Tone, xmlEscape(strings.Join(append([]string{n.ID}, l.lines[i][1:]...), "\n")))
	fmt.Fprintf(d.out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n",
		strings.TrimSpace("node "+string(n.Role)), x, y, l.widths[l.layer[i]], l.leaf[i].h)
	for k, text := range l.lines[i] {
		class := "label"
		if k == 1 && n.detail() != "" {
			class = "detail"
		}
		d.text(class, x+nodePad, y+nodePad+12+k*lineStep, cut(text, longest))
	}
	fmt.Fprint(d.out, "</g>\n")
}

func (d svgDrawing) text(class string, x, y int, text string) {
	fmt.Fprintf(d.out, "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n", class, x, y, xmlEscape(text))
}

// cut shortens text to so many characters.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// xmlEscape also replaces what XML cannot hold.
func xmlEscape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes all
	return b.String()
}
