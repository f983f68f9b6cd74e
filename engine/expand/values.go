package expand

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
	"github.com/clusterflow/clusterflow/sdk"
)

// pathValues is what path.module and its like mean.
func (w *world) pathValues(m *module) cty.Value {
	vals := maps.Clone(w.paths)
	vals["module"] = cty.StringVal(m.decl.Dir)
	return cty.ObjectVal(vals)
}

// phaseValue is an output of a phase, or the object of all of them.
func (s *session) phaseValue(p *phase, out string, status bool) cty.Value {
	s.touched++
	o, ended := s.outcome(p)
	if status {
		return statusValue(o, ended, out)
	}
	if out != "" {
		a, _ := outputOf(p.schema, out)
		return outputValue(a, o, ended)
	}
	vals := make(map[string]cty.Value, len(p.schema.Outputs))
	for _, a := range p.schema.Outputs {
		vals[a.Name] = outputValue(a, o, ended)
	}
	return cty.ObjectVal(vals)
}

// outcome looks up how a phase ended. One that can only be skipped counts as
// skipped before anything ran.
func (s *session) outcome(p *phase) (Outcome, bool) {
	if s.outcomes != nil {
		if o, ok := s.outcomes.Outcome(p.address); ok {
			return o, true
		}
	}
	if s.neverRuns(p) {
		return Outcome{Status: StatusSkipped}, true
	}
	return Outcome{}, false
}

// neverRuns reports whether the phase is skipped whatever other phases do.
func (s *session) neverRuns(p *phase) bool {
	if p.decl.When == nil && p.module.call == nil {
		return false
	}
	run, known, diags := s.when(p)
	return known && !run && !diags.HasErrors()
}

func statusValue(o Outcome, ended bool, name string) cty.Value {
	switch {
	case !ended, o.Status == "": // planned, not run
		return cty.UnknownVal(cty.String).RefineNotNull()
	case name == "error":
		return cty.StringVal(o.Error)
	default:
		return cty.StringVal(o.Status)
	}
}

func outputValue(a sdk.Attribute, o Outcome, ended bool) cty.Value {
	typ := a.Type.WithoutOptionalAttributesDeep()
	v := cty.UnknownVal(typ)
	switch {
	case ended && o.Outputs != cty.NilVal && !o.Outputs.IsNull() && o.Outputs.Type().IsObjectType() && o.Outputs.Type().HasAttribute(a.Name):
		v = o.Outputs.GetAttr(a.Name)
	case ended && o.gone():
		v = cty.NullVal(typ)
	}
	if a.Sensitive {
		v = lang.MarkSensitive(v)
	}
	return v
}

// when says whether a phase runs, as far as that is known: its own when and those
// of the modules around it.
func (s *session) when(p *phase) (run, known bool, diags hcl.Diagnostics) {
	run, known, diags = s.runs(p.module)
	if diags.HasErrors() || (known && !run) || p.decl.When == nil {
		return run, known, diags
	}
	return s.and(known, p.scope, p.decl.When)
}

// runs is when for a module and the modules around it.
func (s *session) runs(m *module) (run, known bool, diags hcl.Diagnostics) {
	if m == nil || m.call == nil {
		return true, true, nil
	}
	run, known, diags = s.runs(m.parent)
	if diags.HasErrors() || (known && !run) || m.call.When == nil {
		return run, known, diags
	}
	return s.and(known, m.caller, m.call.When)
}

// and joins a condition to one that is true or not known yet. As long as the
// outer one is not known, mistakes in the inner one do not count: it may never be
// needed.
func (s *session) and(outer bool, sc *scope, when *lang.Expr) (run, known bool, diags hcl.Diagnostics) {
	run, known, diags = s.truth(sc, when, "when")
	if !outer && diags.HasErrors() {
		return false, false, nil
	}
	return run, known && (outer || !run), diags
}

// ownWhen is the condition of a module alone.
func (s *session) ownWhen(m *module) (run, known bool, diags hcl.Diagnostics) {
	if m.call == nil || m.call.When == nil {
		return true, true, nil
	}
	return s.truth(m.caller, m.call.When, "when")
}

// truth evaluates a condition.
func (s *session) truth(sc *scope, e *lang.Expr, what string) (yes, known bool, diags hcl.Diagnostics) {
	v, diags := s.value(sc, e)
	if diags.HasErrors() {
		return false, false, diags
	}
	v, _ = v.Unmark()
	v, err := convert.Convert(v, cty.Bool)
	switch {
	case err != nil:
		return false, false, diag.Errorf(e.Range(), "Invalid "+what, "A condition is true or false, this is not: %s. A valid form is %s = var.enabled.", err, what)
	case !v.IsKnown():
		s.touched++
		return false, false, nil
	case v.IsNull():
		return false, false, diag.Errorf(e.Range(), "Invalid "+what,
			"The condition is null, neither true nor false. Outputs of a skipped phase are null: write coalesce(…, false) to say what it means then.")
	}
	return v.True(), true, nil
}
