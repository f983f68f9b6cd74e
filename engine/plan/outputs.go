package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/clusterflow/clusterflow/engine/state"
)

// Hidden lists all values that must not be shown or stored of a phase with these
// outputs.
func (s *Step) Hidden(outputs cty.Value) []string {
	if outputs == cty.NilVal || !outputs.IsWhollyKnown() || outputs.IsNull() {
		return s.Secrets
	}
	more := secrets(s.Ref.Type.Outputs, outputs, nil)
	return append(slices.Clone(s.Secrets), more...)
}

// Storable is the JSON of the outputs that may be stored: neither sensitive by
// the schema nor showing a value that is.
func (s *Step) Storable(outputs cty.Value) (json.RawMessage, error) {
	if outputs == cty.NilVal || outputs.IsNull() {
		return nil, nil
	}
	hidden := s.Hidden(outputs)
	keep := map[string]json.RawMessage{}
	for _, a := range s.Ref.Type.Outputs {
		if a.Sensitive {
			continue
		}
		v := outputs.GetAttr(a.Name)
		text, err := marshal(v, a.Type.WithoutOptionalAttributesDeep())
		if err != nil {
			return nil, fmt.Errorf("store output %s: %w", a.Name, err)
		}
		if !holdsAny(v, hidden) {
			keep[a.Name] = text
		}
	}
	return json.Marshal(keep)
}

// Known reports whether a step that needs nothing is recorded just so already,
// with these stored outputs.
func (s *Step) Known(prior *state.Node, outputs json.RawMessage) bool {
	return prior != nil && prior.Status == state.Succeeded && prior.Success != nil &&
		prior.Success.Inputs == s.Identity.Inputs && prior.Type == s.Identity.Type && prior.TypeVersion == s.Identity.TypeVersion &&
		bytes.Equal(prior.Success.Outputs, outputs) && bytes.Equal(prior.Private, s.Private) &&
		slices.Equal(prior.Depends, s.Identity.Depends)
}

// priorOutputs reads stored outputs back. What was not stored, or does not fit
// the type any more, is null.
func priorOutputs(ref TypeRef, stored json.RawMessage) cty.Value {
	if len(stored) == 0 {
		return cty.NilVal
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(stored, &raw) != nil {
		return cty.NilVal
	}
	values := map[string]cty.Value{}
	for _, a := range ref.Type.Outputs {
		typ := a.Type.WithoutOptionalAttributesDeep()
		values[a.Name] = cty.NullVal(typ)
		if text, ok := raw[a.Name]; ok {
			if v, err := ctyjson.Unmarshal(text, typ); err == nil {
				values[a.Name] = v
			}
		}
	}
	return cty.ObjectVal(values)
}
