package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// longList is how many addresses a line names before it counts the rest.
const longList = 6

// Write writes the summary: root causes and what they blocked, a timeline of the
// longest phases, and last one line with all the counts.
func (s *Summary) Write(w io.Writer, opts Options) error {
	opts = opts.withDefaults()
	p := &printer{w: w, color: opts.Color}
	records := s.records()
	s.causes(p, records)
	s.leftovers(p, records)
	s.timeline(p, records, opts)
	s.verdict(p, records)
	return p.err
}

// causes lists each failure once, with the phases that it kept from running.
func (s *Summary) causes(p *printer, records []*record) {
	blocked := make(map[string][]string)
	for _, r := range with(records, event.Blocked) {
		blocked[r.ended.Cause] = append(blocked[r.ended.Cause], r.address)
	}
	for _, r := range with(records, event.Failed, event.Unknown, event.Cancelled) {
		if r.ended.Status == event.Cancelled && r.ended.Problem == nil && len(blocked[r.address]) == 0 {
			continue // counted below, nothing to say of each
		}
		how := string(r.ended.Status)
		if r.ended.Continued {
			how += ", the run went on"
		}
		p.line("")
		p.line("%s %s: %s", p.paint(red, "!"), p.paint(bold, clean(r.address)), how)
		p.problem("    ", r.ended.Problem)
		if list := blocked[r.address]; len(list) > 0 {
			p.line("    blocks %s: %s", phases(len(list)), clean(shortList(list)))
		}
	}
	if s.ended != nil && s.ended.Problem != nil {
		p.line("")
		p.line("%s %s", p.paint(red, "!"), p.paint(bold, "the run itself"))
		p.problem("    ", s.ended.Problem)
	}
}

func (s *Summary) leftovers(p *printer, records []*record) {
	for _, r := range records {
		if len(r.ended.Leftovers) == 0 {
			continue
		}
		p.line("")
		p.line("%s %s: left over, remove by hand", p.paint(yellow, "!"), p.paint(bold, clean(r.address)))
		for _, thing := range r.ended.Leftovers {
			p.line("    %s", clean(thing))
		}
	}
}

func shortList(list []string) string {
	if len(list) <= longList {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:longList-1], ", "), len(list)-longList+1)
}

// verdict is the last line:
//
//	apply succeeded: 41 phases in 9.80s (23.1s of work, up to 8 at once): 39 done, 2 unchanged
func (s *Summary) verdict(p *printer, records []*record) {
	status, wall := event.RunStatus("not ended"), s.end.Sub(s.begin)
	if s.ended != nil {
		status, wall = s.ended.Status, s.ended.Duration.Std()
	}
	var work time.Duration
	counts := make(map[event.Status]int)
	for _, r := range records {
		work += r.work()
		counts[r.ended.Status]++
	}
	if s.ended != nil && s.ended.Counts != nil {
		counts = s.ended.Counts
	}
	operation := s.started.Operation
	if operation == "" {
		operation = "run"
	}
	text := fmt.Sprintf("%s %s: %s in %s", operation, status, phases(s.started.Nodes), Seconds(wall))
	if work > 0 {
		text += fmt.Sprintf(" (%s of work, up to %d at once)", Seconds(work), busiest(records))
	}
	if list := countList(operation, counts); list != "" {
		text += ": " + list
	}
	p.line("")
	p.line("%s", p.paint(verdictStyle(status), text))
}

func countList(operation event.Operation, counts map[event.Status]int) string {
	var parts []string
	for _, status := range event.Statuses() {
		if n := counts[status]; n > 0 && status.Terminal() {
			word := string(status)
			switch {
			case status == event.Succeeded && operation == event.OperationUndo:
				word = "undone"
			case status == event.Succeeded:
				word = "done"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(parts, ", ")
}

func verdictStyle(status event.RunStatus) style {
	switch status {
	case event.RunSucceeded:
		return green
	case event.RunDegraded, event.RunInterrupted:
		return yellow
	case event.RunFailed:
		return red
	default:
		return red
	}
}
