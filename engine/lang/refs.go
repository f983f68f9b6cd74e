package lang

import (
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Reference is one mention of a name from outside of an expression, such as
// phase.ca["etcd/ca"].cert.
type Reference struct {
	// Root is the first name: var, local, phase, finally, module, each, path or self, or
	// anything else that a user may have written.
	Root string
	// Steps lead from the root to the value.
	Steps []Step
	// Range is the whole mention.
	Range hcl.Range
	// Guarded says that the mention is inside of try or can, where a value that is
	// not there is no error.
	Guarded bool
}

// Step is one step of a reference: .name, ["key"] or [expression].
type Step struct {
	// Name is the attribute or key, where it is written down.
	Name string
	// Expr is the key where it has to be computed, else nil.
	Expr hclsyntax.Expression
	// Open says that the key cannot be told outside of the expression, as in
	// [for k in local.names : phase.ca[k]].
	Open bool
	// Index says that the step is written in brackets.
	Index bool
	Range hcl.Range
}

// Static reports whether the step is spelled out.
func (s Step) Static() bool { return s.Expr == nil && !s.Open }

// References lists what an expression mentions, in the order of the source.
func References(expr hcl.Expression) []Reference {
	node, ok := expr.(hclsyntax.Expression)
	if !ok || node == nil {
		return nil
	}
	return walk(node).refs
}

func walk(node hclsyntax.Expression) *walker {
	w := &walker{inner: map[hclsyntax.Node]bool{}}
	_ = hclsyntax.Walk(node, w) // the walker reports nothing
	return w
}

// AsReference returns the reference that an expression consists of, if it is
// nothing else.
func AsReference(expr hclsyntax.Expression) (Reference, bool) {
	w := &walker{}
	return w.flatten(expr)
}

type walker struct {
	refs   []Reference
	calls  []Call
	inner  map[hclsyntax.Node]bool // part of a reference that was already seen whole
	locals []map[string]struct{}
	guards int
}

// Enter implements [hclsyntax.Walker].
func (w *walker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case hclsyntax.ChildScope:
		w.locals = append(w.locals, n.LocalNames)
	case *hclsyntax.FunctionCallExpr:
		w.calls = append(w.calls, Call{n.Name, n.NameRange})
		if isGuard(n) {
			w.guards++
		}
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
		if !w.inner[n] {
			w.mention(n.(hclsyntax.Expression))
		}
	}
	return nil
}

// Exit implements [hclsyntax.Walker].
func (w *walker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case hclsyntax.ChildScope:
		w.locals = w.locals[:len(w.locals)-1]
	case *hclsyntax.FunctionCallExpr:
		if isGuard(n) {
			w.guards--
		}
	}
	return nil
}

func isGuard(call *hclsyntax.FunctionCallExpr) bool { return call.Name == "try" || call.Name == "can" }

func (w *walker) mention(expr hclsyntax.Expression) {
	ref, ok := w.flatten(expr)
	if !ok || w.isLocal(ref.Root) {
		return
	}
	ref.Guarded = w.guards > 0
	w.refs = append(w.refs, ref)
}

func (w *walker) isLocal(name string) bool {
	for _, names := range w.locals {
		if _, ok := names[name]; ok {
			return true
		}
	}
	return false
}

// flatten turns nested traversals and indexes into one reference.
func (w *walker) flatten(expr hclsyntax.Expression) (Reference, bool) {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return w.within(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		ref := Reference{Root: e.Traversal.RootName(), Range: e.SrcRange}
		ref.Steps = stepsOf(e.Traversal[1:])
		return ref, true
	case *hclsyntax.RelativeTraversalExpr:
		ref, ok := w.within(e.Source)
		ref.Steps = append(ref.Steps, stepsOf(e.Traversal)...)
		ref.Range = e.SrcRange
		return ref, ok
	case *hclsyntax.IndexExpr:
		ref, ok := w.within(e.Collection)
		ref.Steps = append(ref.Steps, w.indexStep(e))
		ref.Range = e.SrcRange
		return ref, ok
	default:
		return Reference{}, false
	}
}

// within flattens the inner part of a reference and notes that it is one.
func (w *walker) within(expr hclsyntax.Expression) (Reference, bool) {
	ref, ok := w.flatten(expr)
	if ok && w.inner != nil {
		w.inner[expr] = true
	}
	return ref, ok
}

func (w *walker) indexStep(e *hclsyntax.IndexExpr) Step {
	step := Step{Expr: e.Key, Index: true, Range: e.Key.Range()}
	for _, t := range e.Key.Variables() {
		if w.isLocal(t.RootName()) {
			step.Open, step.Expr = true, nil
		}
	}
	return step
}

func stepsOf(traversal hcl.Traversal) []Step {
	steps := make([]Step, 0, len(traversal)+2)
	for _, t := range traversal {
		switch t := t.(type) {
		case hcl.TraverseAttr:
			steps = append(steps, Step{Name: t.Name, Range: nameRange(t)})
		case hcl.TraverseIndex:
			name, ok := KeyString(t.Key)
			steps = append(steps, Step{Name: name, Open: !ok, Index: true, Range: t.SrcRange})
		default:
			steps = append(steps, Step{Open: true, Range: t.SourceRange()})
		}
	}
	return steps
}

// nameRange is the range of an attribute step without the dot before it.
func nameRange(t hcl.TraverseAttr) hcl.Range {
	at := t.SrcRange
	if len(t.Name) < at.End.Byte-at.Start.Byte {
		at.Start = at.End
		at.Start.Byte -= len(t.Name)
		at.Start.Column -= utf8.RuneCountInString(t.Name)
	}
	return at
}

// KeyString returns an index key as the string that names an attribute of an
// object. It is false for keys that are unknown, null, secret or no names.
func KeyString(key cty.Value) (string, bool) {
	if key == cty.NilVal || key.IsMarked() || !key.IsKnown() || key.IsNull() {
		return "", false
	}
	text, err := convert.Convert(key, cty.String)
	if err != nil {
		return "", false
	}
	return text.AsString(), true
}
