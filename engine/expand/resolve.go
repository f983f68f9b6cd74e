package expand

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// maxHops bounds how often a reference is passed on to another one. Only
// references that lead in a circle come near; evaluation reports those.
const maxHops = 100

// target is something that a reference leads to. Exactly one of value, phase,
// variable and expr is set.
type target struct {
	// path is where the value belongs among the variables of the expression, such
	// as phase, ca, etcd/ca, cert.
	path  []string
	value cty.Value
	// phase is an instance, out one of its outputs or "" for all of them; with
	// status, out is status or error.
	phase  *phase
	out    string
	status bool
	// variable is an input of module whose value has to be converted.
	variable *config.Variable
	module   *module
	// expr is to be evaluated in scope.
	expr  *lang.Expr
	scope *scope
	// secret is set where an output is declared sensitive.
	secret bool
	// element is the key of expr that is meant, if not the whole.
	element *string
	// rest is what the reference says beyond path.
	rest []key
	// gates are the modules that must run for the value to be there.
	gates []gate
}

// gate says that the value at path[:depth] is null if a module is skipped.
type gate struct {
	module *module
	depth  int
}

// key is a step of a reference with its key evaluated.
type key struct {
	name  string
	known bool
	at    hcl.Range
}

// request is a reference that is being resolved.
type request struct {
	scope   *scope
	root    string
	keys    []key
	guarded bool
	at      hcl.Range
	hops    int
}

// resolve says what a reference leads to.
func (s *session) resolve(sc *scope, ref *lang.Reference) ([]target, hcl.Diagnostics) {
	return s.follow(request{scope: sc, root: ref.Root, keys: s.keys(sc, ref.Steps), guarded: ref.Guarded, at: ref.Range})
}

// keys evaluates the steps of a reference as far as that is possible.
func (s *session) keys(sc *scope, steps []lang.Step) []key {
	keys := make([]key, len(steps))
	for i, step := range steps {
		k := key{name: step.Name, known: step.Static(), at: step.Range}
		if step.Expr != nil {
			v, diags := s.value(sc, s.expr(step.Expr))
			if !diags.HasErrors() { // else the whole expression fails, and says so
				k.name, k.known = lang.KeyString(v)
			}
		}
		keys[i] = k
	}
	return keys
}

func (s *session) follow(r request) ([]target, hcl.Diagnostics) {
	if targets, diags, ok := s.followTurn(r); ok {
		return targets, diags
	}
	switch r.root {
	case "path":
		return []target{{path: []string{"path"}, value: s.pathValues(r.scope.module)}}, nil
	case "each":
		return s.followEach(r)
	case "self":
		if r.scope.self != nil {
			return s.output(r.scope.self, []string{"self"}, r.keys, r)
		}
		return nil, nil
	}
	if len(r.keys) == 0 || !r.keys[0].known {
		return nil, nil // reported by package config
	}
	return s.followName(r, r.keys[0].name)
}

// followName resolves a reference to something declared in the module. Names that
// are not were reported by package config.
func (s *session) followName(r request, name string) ([]target, hcl.Diagnostics) {
	m, path, rest := r.scope.module, []string{r.root, name}, r.keys[1:]
	switch r.root {
	case "local":
		if local, ok := m.decl.Locals[name]; ok {
			return s.descend(r, m.scope, local.Value, path, rest)
		}
	case "var":
		if v, ok := m.decl.Variables[name]; ok {
			return s.followVariable(r, v, path, rest)
		}
	case "phase", "finally":
		if decl := m.decl.Step(r.root, name); decl != nil {
			return s.followPhase(r, decl, path, rest)
		}
	case "module":
		if call, ok := m.decl.Calls[name]; ok {
			return s.followModule(r, call, path, rest)
		}
	}
	return nil, nil
}

// descend follows keys into an expression: through object constructors, and
// through expressions that are nothing but a reference.
func (s *session) descend(r request, sc *scope, e *lang.Expr, path []string, rest []key) ([]target, hcl.Diagnostics) {
	for len(rest) > 0 && rest[0].known {
		inner := unwrap(e.Expression)
		if item, at := s.enter(r, sc, inner, rest[0]); item != nil {
			e, sc, path, rest = item, at, below(path, rest[0].name), rest[1:]
			continue
		}
		targets, diags, ok := s.hop(r, sc, inner, path, rest)
		if !ok {
			break
		}
		return targets, diags
	}
	return []target{{path: path, expr: e, scope: sc, rest: rest}}, nil
}

// enter returns the expression under a key of an object constructor, or of a for
// expression that keeps the keys of what it goes through, and its scope.
func (s *session) enter(r request, sc *scope, e hclsyntax.Expression, k key) (*lang.Expr, *scope) {
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		return s.items(e)[k.name], sc
	case *hclsyntax.ForExpr:
		return s.loop(r, sc, e, k)
	default:
		return nil, nil
	}
}

// hop passes the keys on to the reference that an expression consists of. It is
// not possible where the value has to be had as a whole before a key applies.
func (s *session) hop(r request, sc *scope, e hclsyntax.Expression, path []string, rest []key) ([]target, hcl.Diagnostics, bool) {
	ref, ok := lang.AsReference(e)
	if !ok || r.hops >= maxHops {
		return nil, nil, false
	}
	own := s.keys(sc, ref.Steps)
	for _, k := range own {
		if !k.known {
			return nil, nil, false
		}
	}
	next := request{scope: sc, root: ref.Root, keys: append(own, rest...), guarded: r.guarded, at: r.at, hops: r.hops + 1}
	targets, diags := s.follow(next)
	if len(targets) == 0 {
		return nil, diags, diags.HasErrors()
	}
	if !rebase(targets, 1+len(own), path) {
		return nil, nil, false
	}
	return targets, diags, true
}

// rebase moves targets from below a path of skip names to below another path. It
// is false if one of them, or a gate, is not below.
func rebase(targets []target, skip int, path []string) bool {
	for i := range targets {
		t := &targets[i]
		if len(t.path) < skip {
			return false
		}
		t.path = below(path, t.path[skip:]...)
		gates := t.gates
		t.gates = nil
		for _, g := range gates {
			if g.depth < skip {
				return false
			}
			t.gates = append(t.gates, gate{g.module, g.depth - skip + len(path)})
		}
	}
	return true
}

// below returns a new path.
func below(path []string, names ...string) []string {
	return append(append(make([]string, 0, len(path)+len(names)), path...), names...)
}

func unwrap(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		p, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return e
		}
		e = p.Expression
	}
}

// items returns the values of an object constructor by key, if all its keys are
// spelled out; else nil.
func (s *session) items(object *hclsyntax.ObjectConsExpr) map[string]*lang.Expr {
	if known, ok := s.objects[object]; ok {
		return known
	}
	items := make(map[string]*lang.Expr, len(object.Items))
	for _, item := range object.Items {
		name, ok := lang.LiteralKey(item.KeyExpr)
		if !ok {
			items = nil
			break
		}
		items[name] = s.expr(item.ValueExpr)
	}
	if s.building {
		s.objects[object] = items
	}
	return items
}
