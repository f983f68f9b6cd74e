package run

import (
	"slices"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// mask keeps sensitive values out of events and records. It belongs to the loop.
type mask struct{ plan.Mask }

// event returns the event without the secrets known so far.
func (m *mask) event(body event.Body) event.Body {
	if m.Empty() {
		return body
	}
	switch b := body.(type) {
	case event.NodeLog:
		b.Message, b.Fields = m.Text(b.Message), m.fields(b.Fields)
		return b
	case event.NodeProgress:
		b.ID, b.Label = m.Text(b.ID), m.Text(b.Label)
		return b
	case event.NodePlanned:
		b.Changes = slices.Clone(b.Changes)
		for i := range b.Changes {
			b.Changes[i] = m.change(b.Changes[i])
		}
		b.Inputs = slices.Clone(b.Inputs)
		for i := range b.Inputs {
			b.Inputs[i].Before, b.Inputs[i].After = m.Text(b.Inputs[i].Before), m.Text(b.Inputs[i].After)
		}
		return b
	case event.ChangeDone:
		b.Change = m.change(b.Change)
		return b
	case event.NodeRetrying:
		b.Reason = m.Text(b.Reason)
		return b
	case event.NodeEnded:
		b.Problem = m.problem(b.Problem)
		return b
	default:
		return body
	}
}

// records returns the records with problems that hold no secret.
func (m *mask) records(list []state.Record) []state.Record {
	if m.Empty() {
		return list
	}
	for i, r := range list {
		if end, ok := r.(state.NodeEnd); ok && end.Problem != nil {
			end.Problem = m.problem(end.Problem)
			list = slices.Clone(list)
			list[i] = end
		}
	}
	return list
}

func (m *mask) problem(p *event.Problem) *event.Problem {
	if p == nil {
		return nil
	}
	return &event.Problem{Message: m.Text(p.Message), Hint: m.Text(p.Hint), Source: p.Source}
}

func (m *mask) change(c event.Change) event.Change {
	c.Target, c.Reason, c.Diff = m.Text(c.Target), m.Text(c.Reason), m.Text(c.Diff)
	return c
}

func (m *mask) fields(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = m.Text(v)
	}
	return out
}
