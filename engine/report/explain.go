package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Explanation is all that is known about why a node ran, waited, was skipped, or
// would run.
type Explanation struct {
	Address, Type string
	Source        string // where it is declared, "init.hcl:9"; empty if it is not
	// Needs are what it waits for.
	Needs []Need
	// Recorded is nil if nothing is recorded of it.
	Recorded *RecordedNode
	// Past is the last run that dealt with it, or nil.
	Past *Past
	// Now is what an apply would do with it, or nil if that is not known; Inputs are
	// those that differ, of Total.
	Now    *PlanNode
	Inputs []event.InputChange
	Total  int
}

// Need is another node that a node waits for.
type Need struct {
	Address, Kind string
	Source        string // where it is mentioned
}

// WriteExplanation writes it for people.
func WriteExplanation(w io.Writer, e Explanation, opts Options) error {
	p := &printer{w: w, color: opts.Color}
	p.line("%s  %s  %s", p.paint(bold, clean(e.Address)), clean(e.Type), clean(e.Source))
	if e.Past != nil {
		p.past(e)
	}
	p.recorded(e)
	p.now(e)
	return p.err
}

// past tells what the last run did.
func (p *printer) past(e Explanation) {
	past := e.Past
	p.line("")
	p.line("%s of %s, run %s:", past.Op, past.Began.UTC().Format(timeLayout), past.Run)
	if past.Planned != nil {
		p.planned(*past.Planned)
	}
	if !past.Ready.IsZero() {
		text := "  ready at +" + Seconds(past.Ready.Sub(past.Began))
		if need, at, ok := past.last(e.Needs); ok {
			text += fmt.Sprintf("; waited longest for %s, which ended at +%s%s",
				clean(need.Address), Seconds(at.Sub(past.Began)), edge(need))
		}
		p.line("%s", text)
	}
	for _, w := range past.Waits {
		p.line("  waited %s for a slot of pool %q", Seconds(w.Took), w.Pool)
	}
	for _, r := range past.Retries {
		p.line("  attempt %d failed after %s, the next one came %s later:", r.Attempt, Seconds(r.Took), Seconds(r.Delay.Std()))
		p.indented("    ", "", r.Reason)
	}
	p.ended(past)
}

func edge(n Need) string {
	if n.Kind == "" {
		return ""
	}
	return strings.TrimSuffix(fmt.Sprintf(" (%s edge, %s)", n.Kind, clean(n.Source)), ", )")
}

func (p *printer) planned(b event.NodePlanned) {
	if b.Reason != "" {
		p.line("  planned with %s: %s", changeCount(len(b.Changes)), clean(b.Reason))
	} else {
		p.line("  planned with %s", changeCount(len(b.Changes)))
	}
	p.inputs(b.Inputs)
}

func changeCount(n int) string {
	switch n {
	case 0:
		return "no change"
	case 1:
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

func (p *printer) inputs(list []event.InputChange) {
	for _, c := range list {
		at := ""
		if c.Source != "" {
			at = " (" + c.Source + ")"
		}
		p.line("    %s: %s -> %s%s", clean(c.Name), clean(c.Before), clean(c.After), clean(at))
	}
}

func (p *printer) ended(past *Past) {
	end := past.End
	if end == nil {
		p.line("  its end is not recorded: the run goes on, or was killed")
		return
	}
	text := "  " + string(end.Status)
	if d := end.Duration.Std(); d > 0 {
		text += " after " + Seconds(d)
	}
	if end.Attempt > 1 {
		text += fmt.Sprintf(", in attempt %d", end.Attempt)
	}
	if end.Cause != "" {
		text += ": " + clean(end.Cause) + " did not succeed"
	}
	if end.Reason != "" && past.Planned == nil {
		text += ": " + clean(end.Reason)
	}
	p.line("%s", text)
	p.problem("    ", end.Problem)
}

// recorded tells how the journal has it.
func (p *printer) recorded(e Explanation) {
	p.line("")
	r := e.Recorded
	if r == nil {
		p.line("Nothing is recorded of it.")
		return
	}
	at := r.Ended
	if at.IsZero() {
		at = r.Started
	}
	p.line("Recorded: %s since %s, run %s", r.Status, at.UTC().Format(timeLayout), r.Run)
	if r.Status != "succeeded" && !r.Succeeded.IsZero() {
		p.line("  last success: %s", r.Succeeded.UTC().Format(timeLayout))
	}
	if r.Status == "applying" || r.Status == "undoing" || r.Status == "unknown" {
		p.line("  nobody knows how its last attempt ended: the next apply looks at the host")
	}
	if e.Past == nil {
		p.problem("    ", r.Problem)
	}
}

// now tells what an apply would do.
func (p *printer) now(e Explanation) {
	p.line("")
	if e.Now == nil {
		p.line("What apply would do is not known.")
		return
	}
	n := *e.Now
	switch n.Action {
	case None:
		p.line("Now: nothing to do%s", because(n.Reason))
	case Skip:
		p.line("Now: would be skipped%s", because(n.Reason))
	case Later:
		text := "Now: decided when others have run"
		if len(n.After) > 0 {
			text += ": " + shortList(n.After)
		}
		p.line("%s%s", clean(text), because(n.Reason))
	case Apply:
		p.line("Now: would run, with %s%s", changeCount(len(n.Changes)), because(n.Reason))
	}
	p.inputs(e.Inputs)
	if len(e.Inputs) > 0 && e.Total > len(e.Inputs) {
		p.line("    %d other inputs equal", e.Total-len(e.Inputs))
	}
	for _, c := range n.Changes {
		p.line("  %s %s", Change(c), strings.TrimSuffix("("+OneLine(c.Reason)+")", "()"))
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + clean(reason)
}

// WriteRuns writes one line for each run.
func WriteRuns(w io.Writer, runs []RunLine, opts Options) error {
	p := &printer{w: w, color: opts.Color}
	names := 0
	for _, r := range runs {
		names = max(names, len(r.Pipeline))
	}
	for _, r := range runs {
		s := verdictStyle(event.RunStatus(r.Status))
		if r.Status == "running" {
			s = cyan
		}
		p.line("%s  %-*s  %-5s  %s  %s  %7s  %s", r.ID, names, clean(r.Pipeline), r.Operation,
			r.Began.UTC().Format(timeLayout), p.paint(s, fmt.Sprintf("%-11s", r.Status)), Seconds(r.Took), clean(r.Note))
	}
	return p.err
}

// RunLine is one run of a list. Its JSON form is that of `clusterflow runs --json`;
// it grows only.
type RunLine struct {
	ID        string               `json:"id"`
	Pipeline  string               `json:"pipeline"`
	Operation event.Operation      `json:"operation"`
	Began     time.Time            `json:"began"`
	Status    string               `json:"status"` // of the run, or running, or cut off
	Took      time.Duration        `json:"-"`
	Seconds   event.Duration       `json:"seconds"`
	Counts    map[event.Status]int `json:"counts,omitempty"`
	PID       int                  `json:"pid,omitempty"`
	Note      string               `json:"-"`
}
