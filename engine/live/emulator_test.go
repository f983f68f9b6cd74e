package live

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// emulator is a terminal that wraps its lines again when its width changes. It
// refuses all control characters and escape codes that the package does not
// promise to stay with.
type emulator struct {
	size
	rows     []emulatedRow // with those that have scrolled away
	top      int           // the first row on the screen
	row, col int
	pending  []byte // an incomplete code
}

type emulatedRow struct {
	cells []string // letters with their marks; empty is the second half of a wide one
	lead  string   // marks without a letter
	wraps bool     // goes on in the next row
}

var (
	escape  = regexp.MustCompile(`^\x1b\[([0-9]*)([AJKm])`)
	partial = regexp.MustCompile(`^\x1b(\[[0-9]*)?$`)
)

func newEmulator(width, height int) *emulator {
	return &emulator{size: size{width, height}, rows: make([]emulatedRow, 1)}
}

// Write implements [io.Writer]. It takes a line feed for a new line, as a terminal
// in its usual mode does.
func (t *emulator) Write(p []byte) (int, error) {
	in := append(t.pending, p...)
	for len(in) > 0 {
		r, n := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && !utf8.FullRune(in), partial.Match(in):
			t.pending = slices.Clone(in)
			return len(p), nil
		case r == utf8.RuneError && n == 1:
			return 0, fmt.Errorf("invalid text at %q", in)
		case r == '\x1b':
			m := escape.FindSubmatch(in)
			if m == nil {
				return 0, fmt.Errorf("unknown escape code at %q", in)
			}
			t.code(m[2][0], string(m[1]))
			n = len(m[0])
		case r == '\r':
			t.col = 0
		case r == '\n':
			t.col = 0
			t.down()
		case unicode.IsControl(r):
			return 0, fmt.Errorf("control character at %q", in)
		default:
			t.put(r)
		}
		in = in[n:]
	}
	t.pending = nil
	return len(p), nil
}

func (t *emulator) code(name byte, arg string) {
	switch name {
	case 'A':
		n, _ := strconv.Atoi(arg)
		t.row = max(t.top, t.row-max(1, n))
	case 'K':
		t.col = min(t.col, t.width-1) // a full line loses its end
		row := &t.rows[t.row]
		row.cells, row.wraps = row.cells[:min(t.col, len(row.cells))], false
	case 'J':
		t.code('K', "")
		for i := t.row + 1; i < len(t.rows); i++ {
			t.rows[i] = emulatedRow{}
		}
	}
}

func (t *emulator) down() {
	if t.row++; t.row == len(t.rows) {
		t.rows = append(t.rows, emulatedRow{})
	}
	t.top = max(t.top, t.row-t.height+1)
}

func (t *emulator) put(r rune) {
	cols := runeColumns(r)
	row := &t.rows[t.row]
	if cols == 0 {
		row.mark(t.col-1, r)
		return
	}
	if t.col+cols > t.width {
		row.wraps = true
		t.down()
		t.col, row = 0, &t.rows[t.row]
	}
	for len(row.cells) < t.col+cols {
		row.cells = append(row.cells, " ")
	}
	row.cells[t.col] = string(r)
	if cols == 2 {
		row.cells[t.col+1] = ""
	}
	t.col += cols
}

func (row *emulatedRow) mark(i int, r rune) {
	for i > 0 && row.cells[i] == "" {
		i--
	}
	if i < 0 {
		row.lead += string(r)
	} else {
		row.cells[i] += string(r)
	}
}

func (row *emulatedRow) String() string { return row.lead + strings.Join(row.cells, "") }

// resize gives the terminal another size and wraps all lines again. The cursor
// must be at the start of a line.
func (t *emulator) resize(width, height int) {
	old, cursor, place := t.rows, t.row, -1
	t.rows, t.size, t.row, t.col, t.top = make([]emulatedRow, 1), size{width, height}, 0, 0, 0
	for i, row := range old {
		if i == cursor {
			place = t.row
		}
		for _, r := range row.String() {
			t.put(r)
		}
		if !row.wraps && i < len(old)-1 {
			t.col = 0
			t.down()
		}
	}
	t.row, t.col = place, 0
	t.top = max(0, place-height+1)
}

// lines are all rows that were ever shown, up to the last one that is not empty.
// What was wrapped is one line.
func (t *emulator) lines() []string {
	var lines []string
	var b strings.Builder
	for _, row := range t.rows {
		b.WriteString(row.String())
		if !row.wraps {
			lines = append(lines, strings.TrimRight(b.String(), " "))
			b.Reset()
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// screen are the rows on the screen, the one of the cursor last.
func (t *emulator) screen() string {
	var b strings.Builder
	for _, row := range t.rows[t.top:t.row] {
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	return b.String()
}

// rests reports whether the cursor is at the start of an empty line below all text.
func (t *emulator) rests() bool {
	for _, row := range t.rows[t.row:] {
		if len(row.cells) > 0 {
			return false
		}
	}
	return t.col == 0 && len(t.pending) == 0
}
