package live

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// The escape codes in use, besides colours.
const (
	cursorUp   = "\x1b[%dA"
	eraseLine  = "\x1b[K" // from the cursor to the end of the line
	eraseBelow = "\x1b[J" // from the cursor to the end of the screen
)

// screen keeps a frame at the bottom of what a terminal shows. The cursor rests
// at the start of the line below it.
type screen struct {
	w     io.Writer
	frame []line // what is there
	size  size   // of the terminal, when it was drawn
	err   error  // the first one; nothing is written after it
}

type size struct{ width, height int }

// draw puts text above the frame, where it stays, and replaces the frame. All is
// one write, so that no half of it is ever seen.
func (s *screen) draw(above []byte, frame []line, now size) {
	var b bytes.Buffer
	if len(above) == 0 && now == s.size {
		s.replace(&b, frame)
	} else {
		s.rewrite(&b, above, frame, now.width)
	}
	s.frame, s.size = frame, now
	if b.Len() == 0 || s.err != nil {
		return
	}
	if _, err := s.w.Write(b.Bytes()); err != nil {
		s.err = fmt.Errorf("draw on terminal: %w", err)
	}
}

// forget takes it that others have written below the frame: it stays where it is,
// and the next one comes after it.
func (s *screen) forget() { s.frame = nil }

// replace writes the lines that differ from those on the screen.
func (s *screen) replace(b *bytes.Buffer, frame []line) {
	if slices.Equal(frame, s.frame) {
		return
	}
	up(b, len(s.frame))
	for i, l := range frame {
		if i >= len(s.frame) || s.frame[i] != l {
			b.WriteString(l.text)
			b.WriteString(eraseLine)
		}
		b.WriteByte('\n')
	}
	if len(frame) < len(s.frame) {
		b.WriteString(eraseBelow)
	}
}

// rewrite erases the frame before it writes: text of any width takes its place.
func (s *screen) rewrite(b *bytes.Buffer, above []byte, frame []line, width int) {
	if len(s.frame)+len(above)+len(frame) == 0 {
		return
	}
	up(b, s.height(width))
	b.WriteString(eraseBelow)
	b.Write(above)
	for _, l := range frame {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
}

// height is how many rows the frame takes now: most terminals that become narrower
// wrap the lines that they show.
func (s *screen) height(width int) int {
	rows := 0
	for _, l := range s.frame {
		rows += l.rows(width)
	}
	return rows
}

// up goes to the start of a row above; what was typed may have moved the cursor
// within its row.
func up(b *bytes.Buffer, rows int) {
	b.WriteByte('\r')
	if rows > 0 {
		fmt.Fprintf(b, cursorUp, rows)
	}
}
