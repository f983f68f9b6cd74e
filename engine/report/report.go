// Package report turns the events of a run into text: [Plain] writes lines as
// things happen, [Summary] says at the end how it went and where the time was
// spent, [JSON] passes the events on as they are. [WritePlan] shows what a run
// would do.
//
// All of them are folds of one event stream and know nothing else. The package
// starts no run, reads no state and asks no questions; it moves no cursor either,
// see package live for that.
package report

import (
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Options configure text for people. The zero value is ready to use.
type Options struct {
	// Color uses ANSI colours. Set it for a terminal only.
	Color bool
	// Verbose shows all log lines instead of those that warn, starts as well as
	// ends, and unchanged phases in plans.
	Verbose bool
	// Level is that of the least important log lines that are shown. Empty means
	// all if Verbose is set, else those that warn.
	Level event.Level
	// Width is the room for addresses; longer ones push the rest of their line to
	// the right. Zero means 52 columns, in a plan what its addresses need, up to 72.
	Width int
	// Interval is how long a phase runs before a line says so, and again after as
	// long. Zero means 10 s.
	Interval time.Duration
	// Rows is how many phases a timeline shows at most, the longest ones; those that
	// are too short for a bar are only counted. Zero means 40.
	Rows int
	// Bar is how many characters wide a timeline is. Zero means 40.
	Bar int
}

func (o Options) withDefaults() Options {
	if o.Level == "" {
		o.Level = event.LevelWarn
		if o.Verbose {
			o.Level = event.LevelTrace
		}
	}
	if o.Width <= 0 {
		o.Width = 52
	}
	if o.Interval <= 0 {
		o.Interval = 10 * time.Second
	}
	if o.Rows <= 0 {
		o.Rows = 40
	}
	if o.Bar <= 0 {
		o.Bar = 40
	}
	return o
}
