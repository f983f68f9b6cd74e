package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/state"
)

// maxShown is how long the JSON of an input may be that is kept to be shown later;
// of longer ones the digest says enough.
const maxShown = 256

// shownInputs collects the inputs that may be shown, as one JSON object.
type shownInputs struct{ text bytes.Buffer }

func (s *shownInputs) add(name string, value []byte, secret bool) {
	if secret || len(value) > maxShown {
		return
	}
	separator := byte(',')
	if s.text.Len() == 0 {
		separator = '{'
	}
	s.text.WriteByte(separator)
	s.text.WriteString(strconv.Quote(name)) // names are identifiers
	s.text.WriteByte(':')
	s.text.Write(value)
}

func (s *shownInputs) json() json.RawMessage {
	if s.text.Len() == 0 {
		return nil
	}
	s.text.WriteByte('}')
	return s.text.Bytes()
}

// inputChanges tells which inputs differ from those of the last success, with both
// values where they may be shown.
func inputChanges(n *expand.Node, step *Step, prior *state.Node) []event.InputChange {
	if prior == nil || prior.Success == nil || prior.Success.Inputs == step.Identity.Inputs {
		return nil
	}
	before, after := inputValues(prior.Success.Config), inputValues(step.Identity.Config)
	var out []event.InputChange
	for _, name := range changedInputs(prior.Success.Attributes, step.Identity.Attributes) {
		at := n.Range(cty.GetAttrPath(name))
		c := event.InputChange{
			Name: name, Source: fmt.Sprintf("%s:%d", at.Filename, at.Start.Line),
			Before: string(before[name]), After: string(after[name]),
		}
		was, is := prior.Success.Attributes.Get(name) != "", step.Identity.Attributes.Get(name) != ""
		hidden := step.hidden[name]
		c.Before, c.After = shown(c.Before, was, hidden), shown(c.After, is, hidden)
		out = append(out, c)
	}
	return out
}

// shown is a value for people, or what stands for one.
func shown(text string, set, hidden bool) string {
	switch {
	case !set:
		return "null"
	case hidden:
		return masked
	case text == "": // too long, sensitive at the time, or not kept
		return "(not kept)"
	}
	return text
}

func inputValues(config json.RawMessage) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	_ = json.Unmarshal(config, &values) // a record of before there were any
	return values
}
