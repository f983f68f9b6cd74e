package plan

import (
	"slices"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/expand"
)

// Settled are steps that were planned just now, that need nothing, and whose
// inputs no other step can change. Each is used once. It is safe for concurrent
// use; nil is empty.
type Settled struct {
	program *expand.Program
	mu      sync.Mutex
	steps   []*Step // by the index of their node
}

// Settled returns the steps of a plan that need not be planned again.
func (p *Plan) Settled(program *expand.Program) *Settled {
	out := &Settled{program: program, steps: make([]*Step, len(program.Nodes))}
	for _, s := range p.Steps { // a phase comes after those that it depends on
		i, ok := program.Graph.Index(s.Address)
		if !ok || program.Nodes[i].Finally || s.Action != None && s.Action != Skip {
			continue
		}
		if !slices.ContainsFunc(program.Nodes[i].Edges, func(e expand.Edge) bool { return !out.Has(e.To) }) {
			out.steps[i] = s
		}
	}
	return out
}

// Has reports whether there is a step for an address.
func (s *Settled) Has(address string) bool {
	i, ok := s.program.Graph.Index(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && s.steps[i] != nil
}

// take returns a step and forgets it: of thousands of phases most are settled in
// a usual run, which records each as it comes to it.
func (s *Settled) take(address string) (Step, bool) {
	if s == nil {
		return Step{}, false
	}
	i, ok := s.program.Graph.Index(address)
	if !ok {
		return Step{}, false
	}
	s.mu.Lock()
	step := s.steps[i]
	s.steps[i] = nil
	s.mu.Unlock()
	if step == nil {
		return Step{}, false
	}
	out := *step
	out.Outputs, out.packed = step.outputs(), nil
	return out, true
}

// pack drops the config and keeps the outputs as a list in the order of the
// schema: an object holds a type and a map, which take ten times the memory.
func (s *Step) pack() {
	s.Config = cty.NilVal
	attrs := s.Ref.Type.Outputs
	if v := s.Outputs; v == cty.NilVal || !v.IsKnown() || v.IsNull() || len(attrs) == 0 {
		return
	}
	s.packed = make([]cty.Value, len(attrs))
	for i, a := range attrs {
		s.packed[i] = s.Outputs.GetAttr(a.Name)
	}
	s.Outputs = cty.NilVal
}

// outputs are those of a step that may be packed.
func (s *Step) outputs() cty.Value {
	if s.packed == nil {
		return s.Outputs
	}
	values := make(map[string]cty.Value, len(s.packed))
	for i, a := range s.Ref.Type.Outputs {
		values[a.Name] = s.packed[i]
	}
	return cty.ObjectVal(values)
}
