package report

import (
	"fmt"
	"strings"

	"github.com/clusterflow/clusterflow/engine/event"
)

func (p *Plain) nodeEnded(b event.NodeEnded) {
	ph := p.phase(b.Node)
	delete(p.nodes, b.Node)
	mark, s, verb := p.verdict(b, ph)
	p.node(mark, s, b.Node, verb, b.Duration.Std(), note(b))
	if b.Status != event.Blocked && b.Status != event.Skipped {
		p.out.problem("      ", b.Problem)
	}
	for _, left := range b.Leftovers {
		p.out.line("      left over: %s", clean(left))
	}
}

// verdict says in a mark and a word how a phase ended.
func (p *Plain) verdict(b event.NodeEnded, ph *phase) (mark string, s style, verb string) {
	switch b.Status {
	case event.Succeeded:
		if p.operation == event.OperationUndo {
			return "-", green, "undone"
		}
		return done(ph)
	case event.Unchanged:
		return "=", dim, "unchanged"
	case event.Failed:
		if b.Continued {
			return "!", yellow, "failed"
		}
		return "!", red, "failed"
	case event.Unknown:
		return "!", red, "unknown"
	case event.Blocked, event.Skipped, event.Cancelled:
		return ".", dim, string(b.Status)
	default:
		return "?", red, string(b.Status)
	}
}

// done finds the word for what a phase did: from the changes it reported, else
// from those it planned.
func done(ph *phase) (mark string, s style, verb string) {
	ops := ph.done
	if len(ops) == 0 {
		ops = ph.planned
	}
	if len(ops) > 1 {
		return "+", green, "changed"
	}
	for op := range ops {
		switch op {
		case event.OpCreate:
			return "+", green, "created"
		case event.OpUpdate:
			return "+", green, "updated"
		case event.OpDelete:
			return "+", green, "deleted"
		case event.OpRun:
			return ">", green, "ran"
		}
	}
	return "+", green, "done"
}

// note is what the end of a line adds to the word.
func note(b event.NodeEnded) string {
	var notes []string
	if b.Cause != "" {
		notes = append(notes, "by "+b.Cause)
	}
	if b.Attempt > 1 {
		notes = append(notes, fmt.Sprintf("attempt %d", b.Attempt))
	}
	if b.Continued {
		notes = append(notes, "the run goes on")
	}
	if b.Reason != "" && (b.Status == event.Skipped || b.Status == event.Unchanged) {
		notes = append(notes, OneLine(b.Reason))
	}
	return clean(strings.Join(notes, ", "))
}

func operations(changes []event.Change) map[event.Op]int {
	ops := make(map[event.Op]int)
	for _, c := range changes {
		ops[c.Op]++
	}
	return ops
}

// symbol is the one-character form of an operation.
func symbol(op event.Op) string {
	switch op {
	case event.OpCreate:
		return "+"
	case event.OpUpdate:
		return "~"
	case event.OpDelete:
		return "-"
	case event.OpRun:
		return ">"
	default:
		return " "
	}
}
