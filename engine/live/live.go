// Package live shows a run on a terminal while it goes on. A [View] keeps a few
// lines at the bottom up to date: what runs, how far it is, what it said last,
// what waits and for what, and the totals. What is over scrolls away above them,
// written by [report.Plain], so that both views use the same words and marks.
//
// The state is a fold of events, and a frame is a function of that state, a size
// and a time. Neither starts a goroutine, looks at a clock or writes: what needs
// these is in [View] and its screen.
//
// The escape codes are few, and every terminal knows them: cursor up, erase to
// the end of the line, erase to the end of the screen, and colours. The cursor is
// never hidden and always rests at the start of the line below the frame, so a
// program that is killed at any moment leaves nothing to repair.
//
// The package is not for logs, pipes and dumb terminals, which [report.Plain]
// suits, nor does it sum up a run, which [report.Summary] does. It reads no keys,
// changes no mode of the terminal and does not ask whether there is one.
package live

import (
	"bytes"
	"io"
	"math"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

// Interval is how often [View.Tick] should be called: ten times a second.
const Interval = 100 * time.Millisecond

// pause is how long a view may rest between frames before it takes the program
// for suspended, and the terminal for written to by others meanwhile.
const pause = 3 * time.Second

// The size of a terminal that does not know its own.
const (
	defaultWidth  = 80
	defaultHeight = 24
)

// Options configure a [View]. The zero value is ready to use.
type Options struct {
	// Color uses ANSI colours.
	Color bool
	// Verbose writes all that [report.Plain] writes when verbose, log lines among
	// it; then the frame does not repeat them.
	Verbose bool
	// Level is the least important log line that goes to the history. Empty means
	// warn, or debug when verbose.
	Level event.Level
	// Now is the clock that the times given to [View.Tick] come from. Nil means
	// [time.Now].
	Now func() time.Time
}

// View is a [report.View] for a terminal. It belongs to one goroutine; see
// [report.InBackgroundEvery].
type View struct {
	size    func() (width, height int)
	opts    Options
	state   state
	plain   *report.Plain
	history bytes.Buffer // what plain wrote since the last frame
	screen  screen
	rests   time.Time // since when nothing was drawn
}

var _ report.View = (*View)(nil)

// New returns a view that writes to the terminal w and asks for its size before
// each frame. A size of zero or less is one that is not known.
func New(w io.Writer, size func() (width, height int), opts Options) *View {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	v := &View{size: size, opts: opts, screen: screen{w: w}}
	v.state = newState(v.bounds().width)
	v.plain = report.NewPlain(&v.history, report.Options{
		Color: opts.Color, Verbose: opts.Verbose, Level: opts.Level, Width: v.state.column,
		Interval: math.MaxInt64, // the frame says what still runs
	})
	return v
}

// Err returns the first error of the writer; nothing was written after it.
func (v *View) Err() error { return v.screen.err }

// Emit implements [event.Sink]. What it changes is shown by the next Tick, except
// that the last event of a run removes the frame at once.
func (v *View) Emit(e event.Event) {
	v.state.apply(e)
	switch e.Body.(type) {
	case event.NodeProgress:
	case event.NodeRetrying:
		if v.opts.Verbose {
			v.plain.Emit(e)
		}
	case event.RunEnded:
		v.plain.Emit(e)
		v.Close()
	default:
		v.plain.Emit(e)
	}
}

// Print implements [report.View].
func (v *View) Print(text string) { v.plain.Print(text) }

// Tick implements [report.View]: it draws a frame.
func (v *View) Tick(now time.Time) {
	if !v.rests.IsZero() && now.Sub(v.rests) > pause {
		v.screen.forget()
	}
	bounds := v.bounds()
	v.draw(v.state.frame(now, space{size: bounds, color: v.opts.Color, logs: !v.opts.Verbose}), bounds)
	v.rests = v.opts.Now()
}

// Close removes the frame and leaves all that is over. It may be called at any
// time, more than once; later events show a new frame.
func (v *View) Close() { v.draw(nil, v.bounds()) }

func (v *View) draw(frame []line, bounds size) {
	v.screen.draw(v.history.Bytes(), frame, bounds)
	v.history.Reset()
}

func (v *View) bounds() size {
	width, height := v.size()
	if width <= 0 {
		width = defaultWidth
	}
	if height <= 0 {
		height = defaultHeight
	}
	return size{width, height}
}
