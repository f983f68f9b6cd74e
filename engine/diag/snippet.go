package diag

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

const (
	mostLines  = 6  // of one snippet
	mostValues = 4  // below a snippet
	longValue  = 60 // characters of a value that are shown
	gutter     = 7  // width of "NNNN | "
)

// source shows the lines of a mistake, with the part at fault underlined.
func (p printer) source(d *hcl.Diagnostic, color string) {
	file := p.files[d.Subject.Filename]
	if file == nil || len(file.Bytes) == 0 {
		return
	}
	lines := bytes.Split(file.Bytes, []byte("\n"))
	at := *d.Subject
	last := min(max(at.End.Line, at.Start.Line), at.Start.Line+mostLines-1, len(lines))
	if at.End.Line == last && at.End.Column == 1 && last > at.Start.Line {
		last-- // ends with the newline before
	}
	start := 0
	for n := 1; n <= last; n++ {
		line := lines[n-1]
		if n >= at.Start.Line {
			p.line(n, string(line), at.Start.Byte-start, at.End.Byte-start, color)
		}
		start += len(line) + 1
	}
}

// line shows one source line and underlines the bytes from and to, which may lie
// outside of it.
func (p printer) line(n int, text string, from, to int, color string) {
	text = strings.TrimRight(text, "\r")
	from, to = min(max(from, 0), len(text)), min(max(to, 0), len(text))
	before, marked, after := printable(text[:from]), printable(text[from:max(from, to)]), printable(text[max(from, to):])
	if strings.TrimSpace(before) == "" && len(text) > 0 && from == 0 { // a further line of the subject
		indent := len(marked) - len(strings.TrimLeft(marked, " "))
		before, marked = before+marked[:indent], marked[indent:]
	}
	before, marked, after = p.window(before, marked, after)
	fmt.Fprintf(p.out, "%s%s\n", p.style(fmt.Sprintf("%4d | ", n), dim), strings.TrimRight(before+p.style(marked, bold)+after, " "))
	carets := strings.Repeat("^", max(1, columns(marked)))
	fmt.Fprintf(p.out, "%s%s%s\n", p.style("     | ", dim), strings.Repeat(" ", columns(before)), p.style(carets, color))
}

// window cuts a line that is too wide so that the mistake stays visible.
func (p printer) window(before, marked, after string) (string, string, string) {
	room := p.opts.Width - gutter
	if p.opts.Width <= 0 || columns(before)+columns(marked)+columns(after) <= room || room < 20 {
		return before, marked, after
	}
	if columns(marked) > room {
		marked = cut(marked, room-1)
		return "", marked, ""
	}
	room -= columns(marked)
	if columns(before) > room/2 && columns(before)+2 > room-columns(after) {
		runes := []rune(before)
		before = "…" + string(runes[len(runes)-max(0, min(len(runes), room/2-1)):])
	}
	return before, marked, cut(after, room-columns(before))
}

func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:max(0, width-1)]) + "…"
}

// values shows what the names in the expression at fault stood for: the same
// line may be fine for one instance and wrong for another. Secrets and large
// values are left out.
func (p printer) values(d *hcl.Diagnostic) {
	if d.Expression == nil || d.EvalContext == nil {
		return
	}
	var lines []string
	for _, t := range d.Expression.Variables() {
		v, diags := t.TraverseAbs(d.EvalContext)
		if diags.HasErrors() {
			continue
		}
		text, ok := short(v)
		if line := fmt.Sprintf("%s is %s", traversalText(t), text); ok && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for _, line := range lines[:min(len(lines), mostValues)] {
		fmt.Fprintf(p.out, "%s%s\n", p.style("     | ", dim), printable(line))
	}
}

// short renders a value if it is small and not secret.
func short(v cty.Value) (string, bool) {
	if v.ContainsMarked() || !v.IsKnown() {
		return "", false
	}
	switch t := v.Type(); {
	case v.IsNull():
		return "null", true
	case t == cty.String:
		return fmt.Sprintf("%q", cut(v.AsString(), longValue)), true
	case t == cty.Bool:
		return fmt.Sprint(v.True()), true
	case t == cty.Number:
		return v.AsBigFloat().Text('g', 20), true
	default:
		return "", false
	}
}

func traversalText(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(step.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			text, _ := short(step.Key)
			b.WriteString("[" + text + "]")
		}
	}
	return b.String()
}

// printable replaces what a terminal would not show as one character.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r):
			return '\uFFFD'
		default:
			return r
		}
	}, text)
}

// columns is the width of printable text.
func columns(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}
