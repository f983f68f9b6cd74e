package report

import (
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Record is what is recorded of a pipeline, as far as a reader wants to know. Its
// JSON form is that of `clusterflow show --json`; it grows only.
type Record struct {
	Pipeline string `json:"pipeline"` // the name that the state is kept under
	StateDir string `json:"state_dir"`
	// Run is the last one.
	Run RecordedRun `json:"run,omitzero"`
	// Damage says that a part of the journal cannot be read. May be empty.
	Damage string         `json:"damage,omitempty"`
	Nodes  []RecordedNode `json:"phases"`
}

// RecordedRun is a run that began.
type RecordedRun struct {
	ID        string          `json:"id"`
	Operation event.Operation `json:"operation"`
	File      string          `json:"file"` // as it was given
	Engine    string          `json:"engine"`
	Started   time.Time       `json:"started"`
	// Ended is zero while it goes on, or if it was killed; Status is then empty.
	Ended    time.Time            `json:"ended,omitzero"`
	Duration event.Duration       `json:"seconds,omitempty"`
	Status   event.RunStatus      `json:"status,omitempty"`
	Counts   map[event.Status]int `json:"counts,omitempty"`
}

// RecordedNode is a node that may have left something behind.
type RecordedNode struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	// Status is how the last attempt went: succeeded, failed, cancelled, unknown or
	// leftovers; applying or undoing if no end of it is recorded.
	Status  string `json:"status"`
	Run     string `json:"run"` // of the last attempt
	Attempt int    `json:"attempt,omitempty"`
	// Started and Ended are those of the last attempt; Ended may be zero.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Took is how long the last apply that worked ran. Zero if nothing had to be done.
	Took event.Duration `json:"seconds,omitempty"`
	// Succeeded is when it was last as its config wants it, zero if never.
	Succeeded time.Time      `json:"succeeded,omitzero"`
	Problem   *event.Problem `json:"problem,omitempty"`
	Leftovers []string       `json:"leftovers,omitempty"`
}

const timeLayout = "2006-01-02 15:04:05 MST"

// WriteRecord writes a record for people: the last run, then each node with how
// it stands, since when, and how long it took.
func WriteRecord(w io.Writer, r Record, opts Options) error {
	p := &printer{w: w, color: opts.Color}
	p.recordedRun(r)
	if r.Damage != "" {
		p.line("%s", p.paint(yellow, clean(r.Damage)))
	}
	var addresses, types int
	for _, n := range r.Nodes {
		addresses = min(max(addresses, utf8.RuneCountInString(n.Address)), maxPlanWidth)
		types = max(types, utf8.RuneCountInString(n.Type))
	}
	p.line("")
	for _, n := range r.Nodes {
		p.recordedNode(n, addresses, types)
	}
	return p.err
}

func (p *printer) recordedRun(r Record) {
	run := r.Run
	p.line("%s: %s recorded, run %s, clusterflow %s", p.paint(bold, clean(r.Pipeline)), phases(len(r.Nodes)), clean(run.ID), clean(run.Engine))
	since := run.Started.Format(timeLayout)
	if run.Ended.IsZero() {
		text := fmt.Sprintf("%s %s began %s and has not ended: it goes on, or it was killed", run.Operation, clean(run.File), since)
		p.line("%s", p.paint(yellow, text))
		return
	}
	text := fmt.Sprintf("%s %s %s, %s, in %s", run.Operation, clean(run.File), run.Status, since, Seconds(run.Duration.Std()))
	if list := countList(run.Operation, run.Counts); list != "" {
		text += ": " + list
	}
	p.line("%s", p.paint(verdictStyle(run.Status), text))
}

func (p *printer) recordedNode(n RecordedNode, addresses, types int) {
	mark, s, word := recordedWord(n.Status)
	took, when := "", n.Ended
	if n.Took > 0 {
		took = Seconds(n.Took.Std())
	}
	if when.IsZero() {
		when = n.Started
	}
	p.line("  %s %-*s  %-*s  %s %7s  %s", p.paint(s, mark), addresses, clean(n.Address), types, clean(n.Type),
		p.paint(s, fmt.Sprintf("%-11s", word)), took, when.Format(timeLayout))
	p.problem("      ", n.Problem)
	for _, thing := range n.Leftovers {
		p.line("      left over: %s", clean(thing))
	}
}

// recordedWord says how the last attempt at a node went.
func recordedWord(status string) (mark string, s style, word string) {
	switch status {
	case "succeeded":
		return "=", green, "done"
	case "applying", "undoing":
		return "?", yellow, status
	case "unknown":
		return "?", red, status
	case "cancelled":
		return ".", yellow, status
	default:
		return "!", red, clean(status)
	}
}
