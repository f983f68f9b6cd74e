package plan

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/sdk"
)

// noReason stands in for the message of a failure that has none.
const noReason = "the plugin gave no reason"

// Problem turns an error of this package, a plugin or the host into what events
// and the journal hold: a message, what to do, and where in the pipeline it arose.
func Problem(err error) *event.Problem {
	if err == nil {
		return nil
	}
	var placed hcl.Diagnostics
	if errors.As(err, &placed) {
		return fromPlaced(placed)
	}
	return fromPlugin(sdk.Diagnose(err))
}

// Place turns a plugin's diagnostics into a problem with its place.
func (p *Planner) Place(address string, diags sdk.Diagnostics) *event.Problem {
	n, ok := p.Program.Node(address)
	if !ok {
		return fromPlugin(diags)
	}
	return fromPlaced(n.Place(diags))
}

// PhaseError is what a plugin said about a phase, with its place in the pipeline.
type PhaseError struct {
	Diagnostics hcl.Diagnostics
	// Permanent says that trying again cannot help.
	Permanent bool
}

func (e *PhaseError) Error() string { return e.Diagnostics.Error() }
func (e *PhaseError) Unwrap() error { return e.Diagnostics }

// InvalidError says that the pipeline is wrong, whatever the host is like: a plugin
// does not take a config, or phases contradict each other.
type InvalidError struct{ Diagnostics hcl.Diagnostics }

func (e *InvalidError) Error() string { return e.Diagnostics.Error() }
func (e *InvalidError) Unwrap() error { return e.Diagnostics }

// Permanent reports whether no further attempt can mend an error of
// [Planner.Step]: the pipeline is wrong, or the plugin said so.
func Permanent(err error) bool {
	var phase *PhaseError
	if errors.As(err, &phase) {
		return phase.Permanent
	}
	var placed hcl.Diagnostics
	return errors.As(err, &placed)
}

// diagnostics gives an error of [Planner.Step] its place, if it has none.
func diagnostics(n *expand.Node, err error) hcl.Diagnostics {
	var placed hcl.Diagnostics
	if errors.As(err, &placed) {
		return placed
	}
	return n.Place(sdk.Diagnose(err))
}

func fromPlaced(diags hcl.Diagnostics) *event.Problem {
	source := ""
	var list []advice
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		list = append(list, advice{d.Summary, d.Detail})
		if source == "" && d.Subject != nil {
			source = fmt.Sprintf("%s:%d", d.Subject.Filename, d.Subject.Start.Line)
		}
	}
	p := compose(list)
	p.Source = source
	return p
}

func fromPlugin(diags sdk.Diagnostics) *event.Problem {
	var list []advice
	for _, d := range diags {
		if d.Severity == sdk.SeverityError {
			list = append(list, advice{d.Summary, d.Detail})
		}
	}
	return compose(list)
}

// advice is one error and what to do about it.
type advice struct{ message, hint string }

// compose makes one problem of several errors. Then each has its advice below it,
// indented by two, for a list of errors and another of advice are hard to match.
func compose(list []advice) *event.Problem {
	if len(list) == 1 {
		return &event.Problem{Message: cmp.Or(shortened(list[0].message), noReason), Hint: shortened(list[0].hint)}
	}
	var text []string
	for _, a := range list {
		text = append(text, a.message)
		for line := range strings.Lines(a.hint) {
			text = append(text, "  "+strings.TrimRight(line, "\n"))
		}
	}
	return &event.Problem{Message: cmp.Or(shortened(strings.Join(text, "\n")), noReason)}
}

// Change turns a plugin's change into what events hold.
func Change(c sdk.Change) event.Change {
	return event.Change{
		Op: event.Op(c.Op), Kind: c.Kind, Target: c.Target, Reason: c.Reason, Diff: c.Diff, Disruptive: c.Disruptive,
	}
}

// Changes is [Change] for a list.
func Changes(in []sdk.Change) []event.Change {
	out := make([]event.Change, len(in))
	for i, c := range in {
		out[i] = Change(c)
	}
	return out
}
