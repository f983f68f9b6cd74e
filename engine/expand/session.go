package expand

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// session evaluates expressions against one set of outcomes. It is used by one
// goroutine and thrown away.
type session struct {
	*world
	outcomes Outcomes // nil means none
	building bool     // Expand may still add to the world
	values   map[valueKey]result
	vars     map[varKey]result
	// open are the named values being computed, to find those that need themselves.
	open []frame
	// touched counts uses of what an outcome decides.
	touched   int
	ownTurns  map[turnKey]*scope
	instances int // made so far
	// behind remembers the phases behind expressions.
	behind map[valueKey][]dep
}

type valueKey struct {
	scope *scope
	expr  *lang.Expr
}

type varKey struct {
	module *module
	name   string
}

// result is a computed value. It is pure if no outcome can change it.
type result struct {
	value cty.Value
	diags hcl.Diagnostics
	pure  bool
}

// frame is a value on the way to another one.
type frame struct {
	key valueKey
	at  hcl.Range // where it is asked for
}

func (w *world) session(o Outcomes) *session {
	return &session{world: w, outcomes: o, values: map[valueKey]result{}, vars: map[varKey]result{}, ownTurns: map[turnKey]*scope{}}
}

// eval computes an expression, without remembering it.
func (s *session) eval(sc *scope, e *lang.Expr) (cty.Value, hcl.Diagnostics) {
	if lit, ok := e.Expression.(*hclsyntax.LiteralValueExpr); ok {
		return lit.Val, nil
	}
	ctx := &hcl.EvalContext{Functions: s.functions}
	if len(e.Refs) > 0 {
		vars, diags := s.variables(sc, e)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		ctx.Variables = vars
	}
	v, diags := e.Value(ctx)
	if diags.HasErrors() {
		return cty.DynamicVal, sc.explain(redact(diags, ctx))
	}
	return v, diags
}

// explain says which instance a problem is about.
func (sc *scope) explain(diags hcl.Diagnostics) hcl.Diagnostics {
	if sc.each == nil {
		return diags
	}
	for _, d := range diags {
		d.Detail += fmt.Sprintf("\n\nThis is about the instance with each.key = %q.", sc.each.key)
	}
	return diags
}

// variables builds what an expression mentions, and nothing else.
func (s *session) variables(sc *scope, e *lang.Expr) (map[string]cty.Value, hcl.Diagnostics) {
	var root tree
	var diags hcl.Diagnostics
	for i := range e.Refs {
		targets, more := s.resolve(sc, &e.Refs[i])
		diags = append(diags, more...)
		for _, t := range targets {
			path, v, more := s.targetValue(t, &e.Refs[i])
			diags = append(diags, more...)
			root.put(path, v)
		}
	}
	return root.variables(), diags
}

// targetValue computes what a reference leads to.
func (s *session) targetValue(t target, ref *lang.Reference) ([]string, cty.Value, hcl.Diagnostics) {
	for _, g := range t.gates {
		run, known, diags := s.ownWhen(g.module)
		switch {
		case diags.HasErrors(), !known:
			s.touched++
			return t.path[:g.depth], cty.DynamicVal, diags
		case !run:
			return t.path[:g.depth], cty.NullVal(cty.DynamicPseudoType), nil
		}
	}
	switch {
	case t.phase != nil:
		return t.path, s.phaseValue(t.phase, t.out, t.status), nil
	case t.variable != nil:
		v, diags := s.variable(t.module, t.variable, ref.Range)
		return t.path, v, diags
	case t.expr == nil:
		return t.path, t.value, nil
	}
	v, diags := s.named(t.scope, t.expr, ref.Range)
	if t.element != nil && !diags.HasErrors() {
		v = elementOf(v, *t.element)
	}
	if t.secret {
		v = lang.MarkSensitive(v)
	}
	return t.path, v, diags
}

// elementOf returns the value under a key of a for_each value, which is known to
// have it.
func elementOf(v cty.Value, name string) cty.Value {
	v, marks := v.Unmark()
	switch t := v.Type(); {
	case t.IsObjectType() && t.HasAttribute(name):
		return v.GetAttr(name).WithMarks(marks)
	case t.IsMapType() && v.IsKnown() && !v.IsNull() && v.HasIndex(cty.StringVal(name)).True():
		return v.Index(cty.StringVal(name)).WithMarks(marks)
	default:
		return cty.DynamicVal
	}
}

// value computes an expression once for each session.
func (s *session) value(sc *scope, e *lang.Expr) (cty.Value, hcl.Diagnostics) {
	return s.named(sc, e, e.Range())
}

// named is value for an expression that the reference at a place leads to.
func (s *session) named(sc *scope, e *lang.Expr, at hcl.Range) (cty.Value, hcl.Diagnostics) {
	k := valueKey{sc, e}
	if r, ok := s.recall(k); ok {
		return r.value, r.diags
	}
	for i, f := range s.open {
		if f.key == k {
			return cty.DynamicVal, s.circle(append(s.open[i:len(s.open):len(s.open)], frame{k, at}))
		}
	}
	s.open = append(s.open, frame{k, at})
	before := s.touched
	v, diags := s.eval(sc, e)
	s.open = s.open[:len(s.open)-1]
	s.values[k] = result{v, diags, s.touched == before}
	return v, diags
}

func (s *session) recall(k valueKey) (result, bool) {
	if r, ok := s.world.values[k]; ok {
		return r, true
	}
	r, ok := s.values[k]
	if ok && !r.pure {
		s.touched++
	}
	return r, ok
}

// settled reports whether an expression has a value that no outcome changes.
func (s *session) settled(sc *scope, e *lang.Expr) bool {
	r, ok := s.recall(valueKey{sc, e})
	return ok && r.pure && !r.diags.HasErrors()
}

// circle reports values that need each other. The first and the last frame are
// the same value.
func (s *session) circle(frames []frame) hcl.Diagnostics {
	var lines []string
	for _, f := range frames[1:] {
		lines = append(lines, fmt.Sprintf("  %s:%d  %s", f.at.Filename, f.at.Start.Line, s.text(f.at)))
	}
	return diag.Errorf(frames[len(frames)-1].at, "Value needs itself",
		"These references lead in a circle, so that none of them has a value:\n\n%s", strings.Join(lines, "\n"))
}

// redact takes the arguments of functions out of messages if any of them may be
// secret: functions quote what they were given.
func redact(diags hcl.Diagnostics, ctx *hcl.EvalContext) hcl.Diagnostics {
	secret := false
	for _, v := range ctx.Variables {
		secret = secret || lang.HasSensitive(v)
	}
	if !secret {
		return diags
	}
	for _, d := range diags {
		if strings.Contains(d.Summary, "function") {
			d.Detail = "The function does not accept its arguments. They are sensitive, so the reason is not shown."
		}
	}
	return diags
}
