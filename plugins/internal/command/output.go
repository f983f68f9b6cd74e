package command

import (
	"bytes"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

// Kept is how much of each output stream a [Result] holds, in bytes. It is the
// end that is kept.
const Kept = 64 << 10

// output takes what a program writes to one stream. Memory is bounded whatever
// the program writes. It is used by one goroutine at a time.
type output struct {
	show func(line []byte)
	line []byte // not ended yet
	tail []byte // the last bytes, at most twice Kept
}

func (o *output) Write(p []byte) (int, error) {
	o.keep(p)
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		rest = after
		o.add(line)
		if ended {
			o.flushLine()
		}
	}
	return len(p), nil
}

// add appends to the line under way; of a long one only the beginning is shown.
func (o *output) add(part []byte) {
	if room := sdk.MaxLogLine + 1 - len(o.line); room > 0 {
		o.line = append(o.line, part[:min(room, len(part))]...)
	}
}

func (o *output) flushLine() {
	o.show(o.line)
	o.line = o.line[:0]
}

// flush shows a last line that has no newline.
func (o *output) flush() {
	if len(o.line) > 0 {
		o.flushLine()
	}
}

func (o *output) keep(p []byte) {
	if len(p) > Kept {
		p = p[len(p)-Kept:]
	}
	o.tail = append(o.tail, p...)
	if len(o.tail) > 2*Kept {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-Kept:]...)
	}
}

func (o *output) kept() string {
	tail := o.tail[max(0, len(o.tail)-Kept):]
	return strings.TrimRight(strings.ToValidUTF8(string(tail), "\uFFFD"), "\r\n")
}
