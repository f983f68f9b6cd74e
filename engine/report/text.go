package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/clusterflow/clusterflow/engine/event"
)

// style is an ANSI colour or attribute.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// printer writes lines and keeps the first error.
type printer struct {
	w     io.Writer
	color bool
	err   error
}

// line writes one line without spaces at its end.
func (p *printer) line(format string, args ...any) {
	if p.err != nil {
		return
	}
	text := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	if _, err := io.WriteString(p.w, text+"\n"); err != nil {
		p.err = fmt.Errorf("write report: %w", err)
	}
}

// indented writes each line of text behind a prefix.
func (p *printer) indented(prefix string, s style, text string) {
	for l := range strings.Lines(strings.TrimRight(text, "\n")) {
		p.line("%s%s", prefix, p.paint(s, clean(strings.TrimRight(l, "\n"))))
	}
}

// paint colours text if colours are wanted.
func (p *printer) paint(s style, text string) string {
	if !p.color || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// problem writes what went wrong and what to do about it.
func (p *printer) problem(prefix string, problem *event.Problem) {
	if problem == nil {
		return
	}
	p.indented(prefix, "", problem.Message)
	if problem.Source != "" {
		p.line("%sat %s", prefix, clean(problem.Source))
	}
	if problem.Hint != "" {
		p.indented(prefix, cyan, "hint: "+problem.Hint)
	}
}

// clean replaces control characters, those of the direction of text among them:
// what a plugin says must not steer the terminal. Tabs become a space.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		default:
			return r
		}
	}, text)
}

// amount writes a current value out of a total.
func amount(current, total int64, unit string) string {
	if unit == "bytes" {
		if total > 0 {
			return fmt.Sprintf("%s of %s", byteSize(current), byteSize(total))
		}
		return byteSize(current)
	}
	text := fmt.Sprint(current)
	if total > 0 {
		text += fmt.Sprintf(" of %d", total)
	}
	if unit != "" {
		text += " " + clean(unit)
	}
	return text
}

func byteSize(n int64) string {
	value, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for value >= 1000 && i < len(units)-1 {
		value /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}

// phases writes how many there are: 1 phase, 2 phases.
func phases(n int) string {
	if n == 1 {
		return "1 phase"
	}
	return fmt.Sprintf("%d phases", n)
}

// fields writes key=value pairs in order of their keys.
func fields(m map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		value := m[k]
		if value == "" || strings.ContainsAny(value, " \t\n\"") {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&b, " %s=%s", k, value)
	}
	return clean(b.String())
}
