package expand

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/sdk"
)

// followEach resolves each.key and each.value.
func (s *session) followEach(r request) ([]target, hcl.Diagnostics) {
	in := r.scope.each
	if in == nil || len(r.keys) == 0 || !r.keys[0].known {
		return nil, nil // reported by package config
	}
	switch name := r.keys[0].name; {
	case name == "key", name == "value" && in.flat:
		return []target{{path: []string{"each", name}, value: cty.StringVal(in.key)}}, nil
	case name != "value":
		return nil, nil
	}
	path := []string{"each", "value"}
	whole := []target{{path: path, expr: in.over, scope: in.outer, element: &in.key}}
	if s.settled(in.outer, in.over) {
		return whole, nil
	}
	// Depend on the expression under this key only, if it can be told.
	keys := append([]key{{name: in.key, known: true, at: r.at}}, r.keys[1:]...)
	targets, diags := s.descend(r, in.outer, in.over, []string{"each"}, keys)
	if diags.HasErrors() {
		return nil, diags
	}
	if !rebase(targets, 2, path) {
		return whole, nil
	}
	return targets, nil
}

// followVariable resolves an input. Where nothing has to be converted or checked
// it is the caller's expression itself.
func (s *session) followVariable(r request, v *config.Variable, path []string, rest []key) ([]target, hcl.Diagnostics) {
	m := r.scope.module
	input := m.input(v)
	plain := v.Type == cty.DynamicPseudoType && len(v.Validations) == 0 && !v.Sensitive && !v.Ephemeral
	if input != nil && plain && v.Default == cty.NilVal {
		return s.descend(r, m.caller, input.Value, path, rest)
	}
	return []target{{path: path, variable: v, module: m, rest: rest}}, nil
}

// input is what the caller gives for a variable, or nil.
func (m *module) input(v *config.Variable) *config.Argument {
	if m.call == nil {
		return nil
	}
	return m.call.Inputs.Get(v.Name)
}

// followPhase resolves phase.name with or without a key and an output.
func (s *session) followPhase(r request, decl *config.Phase, path []string, rest []key) ([]target, hcl.Diagnostics) {
	all, diags := s.phases(r.scope.module, decl, r.at)
	if all == nil {
		return nil, diags
	}
	chosen, rest, diags := choose(r, all, decl.Ref(), rest)
	if diags.HasErrors() {
		return nil, diags
	}
	if all.repeated && len(chosen) != 1 && len(all.keys) == 0 {
		return []target{{path: path, value: cty.EmptyObjectVal}}, nil
	}
	var targets []target
	for _, k := range chosen {
		at := path
		if all.repeated {
			at = below(path, k)
		}
		more, moreDiags := s.output(all.get(k), at, rest, r)
		targets, diags = append(targets, more...), append(diags, moreDiags...)
	}
	return targets, diags
}

// choose returns the keys of the instances that are meant, and the steps after
// the key. A key that is not there is an error, unless the reference is guarded.
func choose[T any](r request, all *family[T], name string, rest []key) ([]string, []key, hcl.Diagnostics) {
	if !all.repeated {
		return []string{""}, rest, nil
	}
	if len(rest) == 0 {
		return all.keys, nil, nil
	}
	if !rest[0].known {
		return all.keys, rest[1:], nil
	}
	if _, ok := all.byKey[rest[0].name]; ok {
		return []string{rest[0].name}, rest[1:], nil
	}
	if r.guarded {
		return nil, nil, nil
	}
	return nil, nil, diag.Errorf(rest[0].at, "No such instance", "%s has no instance %q.%s %s",
		name, rest[0].name, diag.DidYouMean(rest[0].name, all.keys), diag.Names("keys of its for_each", all.keys))
}

// output resolves what follows an instance of a phase.
func (s *session) output(p *phase, path []string, rest []key, r request) ([]target, hcl.Diagnostics) {
	if len(rest) == 0 || !rest[0].known {
		return []target{{path: path, phase: p}}, nil
	}
	k := rest[0]
	status := k.name == "status" || k.name == "error"
	if !status && !r.guarded {
		if diags := unknownOutput(p.decl, p.schema, k); diags.HasErrors() {
			return nil, diags
		}
	}
	if _, ok := outputOf(p.schema, k.name); !status && !ok {
		return []target{{path: path, phase: p}}, nil
	}
	return []target{{path: below(path, k.name), phase: p, out: k.name, status: status}}, nil
}

func outputOf(t *sdk.TypeDescription, name string) (sdk.Attribute, bool) {
	i := slices.IndexFunc(t.Outputs, func(a sdk.Attribute) bool { return a.Name == name })
	if i < 0 {
		return sdk.Attribute{}, false
	}
	return t.Outputs[i], true
}

// outputNames lists what can be read from a phase.
func outputNames(schema *sdk.TypeDescription) []string {
	names := []string{"status", "error"}
	for _, a := range schema.Outputs {
		names = append(names, a.Name)
	}
	return names
}

// unknownOutput reports a name that is no output of a phase.
func unknownOutput(decl *config.Phase, schema *sdk.TypeDescription, k key) hcl.Diagnostics {
	if _, ok := outputOf(schema, k.name); ok || k.name == "status" || k.name == "error" {
		return nil
	}
	names := outputNames(schema)
	return diag.Errorf(k.at, "Unknown output", "Phase %q is a %s.%s, which has no output %q.%s %s",
		decl.Name, decl.Plugin, decl.Type, k.name, diag.DidYouMean(k.name, names), diag.Names("outputs", names))
}

// followModule resolves module.name with or without a key and an output.
func (s *session) followModule(r request, call *config.Call, path []string, rest []key) ([]target, hcl.Diagnostics) {
	all, diags := s.modules(r.scope.module, call, r.at)
	if all == nil {
		return nil, diags
	}
	chosen, rest, diags := choose(r, all, "module."+call.Name, rest)
	if diags.HasErrors() {
		return nil, diags
	}
	if all.repeated && len(chosen) != 1 && len(all.keys) == 0 {
		return []target{{path: path, value: cty.EmptyObjectVal}}, nil
	}
	var targets []target
	for _, k := range chosen {
		at := path
		if all.repeated {
			at = below(path, k)
		}
		more, moreDiags := s.moduleOutputs(r, all.get(k), at, rest)
		targets, diags = append(targets, more...), append(diags, moreDiags...)
	}
	return targets, diags
}

// moduleOutputs resolves the named output of a module, or all of them.
func (s *session) moduleOutputs(r request, m *module, path []string, rest []key) ([]target, hcl.Diagnostics) {
	var names []string
	if len(rest) > 0 && rest[0].known {
		if m.decl.Outputs[rest[0].name] == nil {
			return nil, nil // reported by package config
		}
		names, rest = []string{rest[0].name}, rest[1:]
	} else {
		names, rest = slices.Sorted(maps.Keys(m.decl.Outputs)), nil
	}
	if len(names) == 0 {
		return []target{{path: path, value: cty.EmptyObjectVal}}, nil
	}
	var targets []target
	var diags hcl.Diagnostics
	for _, name := range names {
		at := below(path, name)
		more, moreDiags := s.moduleOutput(r, m, m.decl.Outputs[name], at, rest)
		diags = append(diags, moreDiags...)
		for _, t := range more {
			if m.call.When != nil {
				t.gates = append(t.gates, gate{m, len(at)})
			}
			targets = append(targets, t)
		}
	}
	return targets, diags
}

func (s *session) moduleOutput(r request, m *module, o *config.Output, path []string, rest []key) ([]target, hcl.Diagnostics) {
	if o.Sensitive {
		return []target{{path: path, expr: o.Value, scope: m.scope, secret: true, rest: rest}}, nil
	}
	return s.descend(r, m.scope, o.Value, path, rest)
}
