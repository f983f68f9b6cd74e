package live

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

// ellipsis stands for what was cut off.
const ellipsis = "…"

// style is an ANSI colour or attribute.
type style string

const (
	dim    style = "2"
	red    style = "31"
	yellow style = "33"
	cyan   style = "36"
)

// span is a piece of text in one style. Its text is clean.
type span struct {
	style style
	text  string
}

// line is one line of a frame, ready to be written.
type line struct {
	text  string // with colours
	plain string
}

// render cuts spans to so many columns and colours them if colours are wanted.
func render(spans []span, cols int, color bool) line {
	total := 0
	for _, s := range spans {
		total += columns(s.text)
	}
	if total > cols {
		spans = append(cutSpans(spans, cols-1), span{text: ellipsis})
	}
	var text, plain strings.Builder
	for _, s := range spans {
		plain.WriteString(s.text)
		text.WriteString(s.paint(color))
	}
	return line{text.String(), plain.String()}
}

func (s span) paint(color bool) string {
	if !color || s.style == "" || s.text == "" {
		return s.text
	}
	return "\x1b[" + string(s.style) + "m" + s.text + "\x1b[0m"
}

func cutSpans(spans []span, cols int) []span {
	var out []span
	for _, s := range spans {
		s.text = head(s.text, cols)
		cols -= columns(s.text)
		out = append(out, s)
	}
	return out
}

// columns is how wide clean text is on a terminal.
func columns(text string) int {
	cols := 0
	for _, r := range text {
		cols += runeColumns(r)
	}
	return cols
}

func runeColumns(r rune) int {
	if r < unicode.MaxLatin1 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// rows is how many rows of a terminal of that width the line takes.
func (l line) rows(width int) int {
	rows, col := 1, 0
	for _, r := range l.plain {
		cols := runeColumns(r)
		if col += cols; col > width {
			rows++
			col = cols
		}
	}
	return rows
}

// head returns the longest beginning of text that fits into cols columns.
func head(text string, cols int) string {
	for i, r := range text {
		if cols -= runeColumns(r); cols < 0 {
			return text[:i]
		}
	}
	return text
}

// tail returns the longest end of text that fits into cols columns.
func tail(text string, cols int) string {
	runes := []rune(text)
	from := len(runes)
	for i, r := range slices.Backward(runes) {
		if cols -= runeColumns(r); cols < 0 {
			break
		}
		if runeColumns(r) > 0 { // a mark belongs to the letter before it
			from = i
		}
	}
	return string(runes[from:])
}

// fit makes text exactly cols columns wide. Too long a text loses its middle:
// addresses differ at their ends.
func fit(text string, cols int) string {
	if columns(text) > cols {
		first := head(text, (cols-1)*2/5)
		text = first + ellipsis + tail(text, cols-1-columns(first))
	}
	return text + strings.Repeat(" ", max(0, cols-columns(text)))
}

// clean is the first line of text without anything that could move a cursor or
// whose width terminals do not agree on.
func clean(text string) string { return strings.Map(visible, report.OneLine(text)) }

// visible drops characters that only format others, such as joiners and the
// selectors of variants: with them, terminals measure emoji differently.
func visible(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector) {
		return -1
	}
	return r
}

// lastLines returns up to n lines of text, clean, and none of them empty.
func lastLines(text string, n int) []string {
	var lines []string
	for part := range strings.SplitSeq(text, "\n") {
		if l := clean(part); l != "" {
			lines = append(lines, l)
		}
	}
	return lines[max(0, len(lines)-n):]
}

func change(c event.Change) string { return clean(report.Change(c)) }
