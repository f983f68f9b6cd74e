package expand

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// condition checks a rule. What is not known yet holds. at is shown instead of
// the rule if it is set.
func (s *session) condition(sc *scope, c config.Condition, summary string, at *hcl.Range) hcl.Diagnostics {
	holds, known, diags := s.truth(sc, c.Condition, "condition")
	if diags.HasErrors() || !known || holds {
		return diags
	}
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Subject: c.Condition.Range().Ptr(), Context: c.DefRange.Ptr()}
	if at != nil {
		d.Subject, d.Context = at, nil
	}
	message, diags := s.value(sc, c.Message)
	if diags.HasErrors() {
		return diags
	}
	text, err := convert.Convert(message, cty.String)
	switch {
	case lang.HasSensitive(message):
		d.Detail = "A condition does not hold. Its message is not shown, as it holds sensitive values."
	case err != nil || !text.IsKnown() || text.IsNull():
		d.Detail = "A condition does not hold. Its error_message is no text."
	default:
		d.Detail = text.AsString()
	}
	return hcl.Diagnostics{d}
}

// Preconditions checks what must hold before the phase runs. Conditions that are
// not known yet hold.
func (n *Node) Preconditions(o Outcomes) hcl.Diagnostics {
	if len(n.phase.decl.Preconditions) == 0 {
		return nil
	}
	s := n.session(o)
	var diags hcl.Diagnostics
	for _, c := range n.phase.decl.Preconditions {
		diags = append(diags, s.condition(n.phase.scope, c, "Precondition of "+n.Address+" does not hold", nil)...)
	}
	return diags
}

// Postconditions checks what must hold after the phase succeeded. The outcomes
// must have the phase's own, as conditions read it through self.
func (n *Node) Postconditions(o Outcomes) hcl.Diagnostics {
	s := n.session(o)
	sc := n.phase.after()
	var diags hcl.Diagnostics
	for _, c := range n.phase.decl.Postconditions {
		diags = append(diags, s.condition(sc, c, "Postcondition of "+n.Address+" does not hold", nil)...)
	}
	return diags
}

// after is the scope of postconditions.
func (p *phase) after() *scope {
	return &scope{module: p.scope.module, each: p.scope.each, self: p}
}

// When says whether the phase runs: run is meant if known is true. It takes the
// conditions of the modules around into account.
func (n *Node) When(o Outcomes) (run, known bool, diags hcl.Diagnostics) {
	return n.session(o).when(n.phase)
}

func (n *Node) session(o Outcomes) *session { return n.world.session(o) }
