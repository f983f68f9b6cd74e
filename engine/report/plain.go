package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Plain writes a line for each phase that ends, for warnings, for what will be
// tried again, and from time to time for what takes long. It suits logs and
// terminals alike. The marks are
//
//   - done   > ran   = unchanged   - undone   ! failed   . did not run   * still at it
//
// It belongs to one goroutine; see [Background].
type Plain struct {
	out       printer
	opts      Options
	operation event.Operation
	nodes     map[string]*phase
	due       time.Time         // before that no line about a long phase is needed
	skipped   []event.NodeEnded // not told yet
}

// phase is a node that has not ended.
type phase struct {
	started time.Time // zero until it runs
	said    time.Time // of the last line about it
	attempt int
	doing   string // what it said last
	planned map[event.Op]int
	done    map[event.Op]int
}

// NewPlain returns a view that writes to w.
func NewPlain(w io.Writer, opts Options) *Plain {
	return &Plain{
		out:   printer{w: w, color: opts.Color},
		opts:  opts.withDefaults(),
		nodes: make(map[string]*phase),
	}
}

// Err returns the first error of the writer; nothing was written after it.
func (p *Plain) Err() error { return p.out.err }

// Emit implements [event.Sink].
func (p *Plain) Emit(e event.Event) {
	defer p.Tick(e.Time) // afterwards: who ends now needs no line that it still runs
	if p.holdSkipped(e) {
		return
	}
	switch b := e.Body.(type) {
	case event.RunStarted:
		p.runStarted(e.Run, b)
	case event.RunStopping:
		p.runStopping(b)
	case event.NodePlanned:
		p.phase(b.Node).planned = operations(b.Changes)
	case event.NodeStarted:
		p.nodeStarted(e.Time, b)
	case event.NodeRetrying:
		p.nodeRetrying(e.Time, b)
	case event.NodeLog:
		p.nodeLog(b)
	case event.NodeProgress:
		p.phase(b.Node).doing = Progress(b)
	case event.ChangeDone:
		p.changeDone(b)
	case event.NodeEnded:
		p.nodeEnded(b)
	}
}

// Print implements [View].
func (p *Plain) Print(text string) {
	p.tellSkipped()
	p.out.indented("", "", text)
}

// Tick writes a line for each phase that has run long without one. Emit calls
// it with the time of every event; call it too when nothing happens for a while.
func (p *Plain) Tick(now time.Time) {
	if now.Before(p.due) {
		return
	}
	p.due = now.Add(p.opts.Interval)
	for _, address := range slices.Sorted(maps.Keys(p.nodes)) {
		ph := p.nodes[address]
		if ph.started.IsZero() {
			continue
		}
		if next := ph.said.Add(p.opts.Interval); now.Before(next) {
			if next.Before(p.due) {
				p.due = next
			}
			continue
		}
		ph.said = now
		p.tellSkipped()
		p.stillRunning(address, ph, now.Sub(ph.started))
	}
}

func (p *Plain) stillRunning(address string, ph *phase, since time.Duration) {
	note := ph.doing
	if ph.attempt > 1 {
		note = strings.TrimSuffix(fmt.Sprintf("attempt %d: %s", ph.attempt, note), ": ")
	}
	p.node("*", dim, address, "running", since, note)
}

// node writes the one kind of line that everything about phases is made of.
func (p *Plain) node(mark string, s style, address, verb string, took time.Duration, note string) {
	time := ""
	if took > 0 {
		time = Seconds(took)
	}
	p.out.line("  %s %-*s  %s %7s  %s", p.out.paint(s, mark), p.opts.Width, clean(address),
		p.out.paint(s, fmt.Sprintf("%-10s", verb)), time, note)
}

func (p *Plain) phase(address string) *phase {
	ph := p.nodes[address]
	if ph == nil {
		ph = &phase{}
		p.nodes[address] = ph
	}
	return ph
}

func (p *Plain) runStarted(run string, b event.RunStarted) {
	p.operation = b.Operation
	p.out.line("%s %s: %s, run %s, clusterflow %s", b.Operation, clean(b.Pipeline), phases(b.Nodes), run, b.Engine)
	if b.Resumes != "" {
		p.out.line("goes on where run %s stopped", b.Resumes)
	}
}

func (p *Plain) runStopping(b event.RunStopping) {
	text := "stopping: " + clean(b.Reason)
	if len(b.Running) > 0 {
		text += "; waiting for " + clean(strings.Join(b.Running, ", "))
	}
	p.out.line("%s", p.out.paint(yellow, text))
}

func (p *Plain) nodeStarted(now time.Time, b event.NodeStarted) {
	ph := p.phase(b.Node)
	ph.attempt, ph.doing = b.Attempt, ""
	if !ph.started.IsZero() {
		return
	}
	ph.started, ph.said = now, now
	if next := now.Add(p.opts.Interval); next.Before(p.due) {
		p.due = next
	}
	if p.opts.Verbose {
		p.node("*", dim, b.Node, "started", 0, clean(b.Type))
	}
}

func (p *Plain) nodeRetrying(now time.Time, b event.NodeRetrying) {
	ph := p.phase(b.Node)
	ph.said = now
	ph.doing = OneLine(b.Reason)
	p.node("*", yellow, b.Node, "retrying", 0, Retry(b, b.Delay.Std()))
}

func (p *Plain) nodeLog(b event.NodeLog) {
	p.phase(b.Node).doing = OneLine(b.Message)
	if !b.Level.AtLeast(p.opts.Level) {
		return
	}
	message, more, _ := strings.Cut(strings.TrimRight(b.Message, "\n"), "\n")
	level := p.out.paint(levelStyle(b.Level), clean(string(b.Level))+":")
	const hint = "hint" // what to do, which reads better on a line of its own
	others := maps.Clone(b.Fields)
	delete(others, hint)
	p.out.line("    %s | %s %s%s", p.out.paint(dim, clean(b.Node)), level, clean(message), fields(others))
	for _, text := range []string{more, b.Fields[hint]} {
		if text != "" {
			p.out.indented("      ", "", text)
		}
	}
}

func levelStyle(l event.Level) style {
	switch {
	case l.AtLeast(event.LevelError):
		return red
	case l.AtLeast(event.LevelWarn):
		return yellow
	default:
		return dim
	}
}

func (p *Plain) changeDone(b event.ChangeDone) {
	ph := p.phase(b.Node)
	if ph.done == nil {
		ph.done = make(map[event.Op]int)
	}
	ph.done[b.Change.Op]++
	ph.doing = Change(b.Change)
	if p.opts.Verbose {
		p.out.line("    %s | %s %s %s", p.out.paint(dim, clean(b.Node)), symbol(b.Change.Op), clean(b.Change.Kind), clean(b.Change.Target))
	}
}
