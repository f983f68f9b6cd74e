package diag

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Options say how diagnostics are written. The zero value is plain text without
// line breaks.
type Options struct {
	// Width is where long lines of text break. Zero means nowhere.
	Width int
	// Color makes severity and the place of the mistake stand out by escape
	// sequences.
	Color bool
}

// mostShown is how many diagnostics are written: nobody reads more at once.
const mostShown = 50

// Write shows diagnostics to people: summary, place, source line with the mistake
// underlined, and detail, of the first 50 of them. files are the sources by name;
// it may be nil. There is no error, as nothing could be done about one.
func Write(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, opts Options) {
	for i, d := range diags {
		if i == mostShown {
			_, _ = fmt.Fprintf(w, "%d more problems are not shown.\n", len(diags)-i)
			return
		}
		var b strings.Builder
		p := printer{out: &b, files: files, opts: opts}
		p.diagnostic(d)
		_, _ = io.WriteString(w, b.String())
	}
}

type printer struct {
	out   *strings.Builder
	files map[string]*hcl.File
	opts  Options
}

const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	plain  = "\x1b[0m"
)

func (p printer) style(text string, codes ...string) string {
	if !p.opts.Color || text == "" {
		return text
	}
	return strings.Join(codes, "") + text + plain
}

func (p printer) diagnostic(d *hcl.Diagnostic) {
	word, color := "Error:", red
	if d.Severity == hcl.DiagWarning {
		word, color = "Warning:", yellow
	}
	fmt.Fprintf(p.out, "%s %s\n\n", p.style(word, bold, color), p.style(printable(d.Summary), bold))
	if d.Subject != nil {
		p.place(d)
		p.source(d, color)
		p.values(d)
		p.out.WriteByte('\n')
	}
	if d.Detail != "" {
		p.detail(d.Detail)
		p.out.WriteByte('\n')
	}
}

// place is the line "on FILE line N, in BLOCK:".
func (p printer) place(d *hcl.Diagnostic) {
	fmt.Fprintf(p.out, "  on %s line %d", d.Subject.Filename, d.Subject.Start.Line)
	if in := blockAt(p.files[d.Subject.Filename], d.Subject.Start.Byte); in != "" {
		fmt.Fprintf(p.out, ", in %s", printable(in))
	}
	p.out.WriteString(":\n")
}

// blockAt is the head of the block around a place, or "".
func blockAt(file *hcl.File, offset int) string {
	if file == nil || file.Nav == nil {
		return ""
	}
	nav, ok := file.Nav.(interface{ ContextString(offset int) string })
	if !ok {
		return ""
	}
	return nav.ContextString(offset)
}

func (p printer) detail(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		for _, part := range wrap(printable(line), p.opts.Width-2) {
			p.out.WriteString(strings.TrimRight("  "+part, " "))
			p.out.WriteByte('\n')
		}
	}
}

// wrap breaks a line between words. Lines that start with a space are code and
// stay whole.
func wrap(line string, width int) []string {
	if width <= 0 || strings.HasPrefix(line, " ") {
		return []string{line}
	}
	var lines []string
	var current strings.Builder
	length := 0
	for word := range strings.FieldsSeq(line) {
		n := columns(word)
		if length > 0 && length+1+n > width {
			lines = append(lines, current.String())
			current.Reset()
			length = 0
		}
		if length > 0 {
			current.WriteByte(' ')
			length++
		}
		current.WriteString(word)
		length += n
	}
	return append(lines, current.String())
}
