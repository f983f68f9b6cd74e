package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// minSecret is the shortest sensitive value that is masked in text. Shorter
	// ones, such as "1" or "yes", would mask half of every message.
	minSecret = 4
	// minLine is the same for a line of a sensitive text: text is often shown line by
	// line, but a short line of it says nothing.
	minLine = 8
	masked  = "(sensitive)"
	// recent is how many secrets may be looked for one by one before the replacer is
	// made anew, which takes as long as there are secrets.
	recent = 64
)

// Mask takes sensitive values out of text, whatever a plugin or a tool that it
// runs prints. The zero value masks nothing. It belongs to one goroutine.
type Mask struct {
	secrets  []string
	known    map[string]bool
	replacer *strings.Replacer // of the first ones
	replaced int               // how many these are
}

// Add masks more values from here on.
func (m *Mask) Add(secrets []string) {
	for _, s := range secrets {
		if m.known[s] {
			continue
		}
		if m.known == nil {
			m.known = map[string]bool{}
		}
		m.known[s] = true
		m.secrets = append(m.secrets, s)
	}
}

// Empty reports whether there is nothing to mask.
func (m *Mask) Empty() bool { return len(m.secrets) == 0 }

// Text returns s without the secrets.
func (m *Mask) Text(s string) string {
	if m.Empty() || s == "" {
		return s
	}
	shown := func(secret string) bool { return strings.Contains(s, secret) }
	if news := m.secrets[m.replaced:]; m.replacer == nil || len(news) > recent || slices.ContainsFunc(news, shown) {
		m.build()
	}
	return m.replacer.Replace(s)
}

// build makes the replacer of all secrets. Of two that begin at the same place the
// longer one counts.
func (m *Mask) build() {
	longest := slices.Clone(m.secrets)
	slices.SortFunc(longest, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := make([]string, 0, 2*len(longest))
	for _, secret := range longest {
		pairs = append(pairs, secret, masked)
	}
	m.replacer, m.replaced = strings.NewReplacer(pairs...), len(m.secrets)
}

func (m *Mask) changes(list []sdk.Change) []sdk.Change {
	if m.Empty() {
		return list
	}
	out := slices.Clone(list)
	for i := range out {
		c := &out[i]
		c.Target, c.Reason, c.Diff = m.Text(c.Target), m.Text(c.Reason), m.Text(c.Diff)
	}
	return out
}

func (m *Mask) diagnostics(list sdk.Diagnostics) sdk.Diagnostics {
	if m.Empty() {
		return list
	}
	out := slices.Clone(list)
	for i := range out {
		out[i].Summary, out[i].Detail = m.Text(out[i].Summary), m.Text(out[i].Detail)
	}
	return out
}

// secrets lists the sensitive values of a config, in all forms in which they may
// be shown.
func secrets(attrs []sdk.Attribute, config cty.Value, sensitive []cty.PathValueMarks) []string {
	var out []string
	for _, p := range sensitive {
		if v, err := p.Path.Apply(config); err == nil {
			out = append(out, forms(v)...)
		}
	}
	for _, a := range attrs {
		if a.Sensitive {
			out = append(out, forms(config.GetAttr(a.Name))...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// forms lists the values inside of v: as they are, as in a quoted string, and
// their lines.
func forms(v cty.Value) []string {
	var out []string
	_ = cty.Walk(v, func(_ cty.Path, x cty.Value) (bool, error) {
		text, ok := leaf(x)
		if !ok || len(text) < minSecret {
			return true, nil
		}
		out = append(out, text)
		if bare := strings.TrimSpace(text); bare != text && len(bare) >= minSecret {
			out = append(out, bare)
		}
		if quoted := strconv.Quote(text); quoted[1:len(quoted)-1] != text {
			out = append(out, quoted[1:len(quoted)-1])
		}
		if strings.Contains(text, "\n") {
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); len(line) >= minLine {
					out = append(out, line)
				}
			}
		}
		return true, nil
	})
	return out
}

// leaf is the text of a string or number.
func leaf(v cty.Value) (string, bool) {
	switch {
	case !v.IsKnown() || v.IsNull():
		return "", false
	case v.Type() == cty.String:
		return v.AsString(), true
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1), true
	default:
		return "", false
	}
}

// holdsAny reports whether a value inside of v shows one of the secrets.
func holdsAny(v cty.Value, secrets []string) bool {
	if len(secrets) == 0 {
		return false
	}
	found := false
	_ = cty.Walk(v, func(_ cty.Path, x cty.Value) (bool, error) {
		if text, ok := leaf(x); ok && !found {
			found = slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) })
		}
		return !found, nil
	})
	return found
}
