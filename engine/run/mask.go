package run

import (
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/engine/event"
)

// masked stands in for a sensitive value.
const masked = "(sensitive)"

// mask keeps sensitive values out of events, whatever a plugin or a tool that it
// runs prints. It belongs to the loop.
type mask struct {
	secrets  []string
	replacer *strings.Replacer
}

func (m *mask) add(secrets []string) {
	for _, s := range secrets {
		if !slices.Contains(m.secrets, s) {
			m.secrets = append(m.secrets, s)
			m.replacer = nil
		}
	}
}

// apply returns the event without the secrets known so far.
func (m *mask) apply(body event.Body) event.Body {
	if len(m.secrets) == 0 {
		return body
	}
	switch b := body.(type) {
	case event.NodeLog:
		b.Message, b.Fields = m.text(b.Message), m.fields(b.Fields)
		return b
	case event.NodeProgress:
		b.Label = m.text(b.Label)
		return b
	case event.NodePlanned:
		b.Changes = slices.Clone(b.Changes)
		for i := range b.Changes {
			b.Changes[i] = m.change(b.Changes[i])
		}
		return b
	case event.ChangeDone:
		b.Change = m.change(b.Change)
		return b
	case event.NodeRetrying:
		b.Reason = m.text(b.Reason)
		return b
	case event.NodeEnded:
		b.Problem = m.problem(b.Problem)
		return b
	default:
		return body
	}
}

func (m *mask) problem(p *event.Problem) *event.Problem {
	if p == nil {
		return nil
	}
	return &event.Problem{Message: m.text(p.Message), Hint: m.text(p.Hint), Source: p.Source}
}

// problemOrSame is problem when there is anything to mask, else p itself.
func (m *mask) problemOrSame(p *event.Problem) *event.Problem {
	if len(m.secrets) == 0 {
		return p
	}
	return m.problem(p)
}

func (m *mask) change(c event.Change) event.Change {
	c.Target, c.Reason, c.Diff = m.text(c.Target), m.text(c.Reason), m.text(c.Diff)
	return c
}

func (m *mask) fields(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = m.text(v)
	}
	return out
}

func (m *mask) text(s string) string {
	if m.replacer == nil {
		longest := slices.Clone(m.secrets)
		slices.SortFunc(longest, func(a, b string) int { return len(b) - len(a) })
		pairs := make([]string, 0, 2*len(longest))
		for _, secret := range longest {
			pairs = append(pairs, secret, masked)
		}
		m.replacer = strings.NewReplacer(pairs...)
	}
	return m.replacer.Replace(s)
}
