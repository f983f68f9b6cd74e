package expand

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/lang"
)

// loop enters { for k, v in collection : k => value } at one key: the element is
// the value for that turn, and needs that element of the collection only.
func (s *session) loop(r request, sc *scope, e *hclsyntax.ForExpr, k key) (*lang.Expr, *scope) {
	if e.KeyVar == "" || e.Group || e.CondExpr != nil || hcl.ExprAsKeyword(e.KeyExpr) != e.KeyVar || r.hops >= maxHops {
		return nil, nil
	}
	r.hops++
	r.guarded = true
	over := s.expr(e.CollExpr)
	targets, diags := s.descend(r, sc, over, nil, []key{k})
	if len(targets) == 0 || diags.HasErrors() {
		return nil, nil
	}
	for _, t := range targets {
		if len(t.path) == 0 || len(t.gates) > 0 {
			return nil, nil // it cannot be told that there is such an element
		}
	}
	return s.expr(e.ValExpr), s.turn(sc, e, k.name, over)
}

// turn returns the scope of one turn.
func (s *session) turn(sc *scope, e *hclsyntax.ForExpr, key string, over *lang.Expr) *scope {
	id := turnKey{sc, e, key}
	if at, ok := s.turns[id]; ok {
		return at
	}
	turns := s.turns
	if !s.building {
		turns = s.ownTurns
	}
	at, ok := turns[id]
	if !ok {
		at = &scope{
			module: sc.module, each: sc.each, self: sc.self,
			turn: &turn{keyVar: e.KeyVar, valVar: e.ValVar, key: key, over: over, outer: sc},
		}
		turns[id] = at
	}
	return at
}

// followTurn resolves the variables of the for expressions around; ok is false
// for all other names.
func (s *session) followTurn(r request) (targets []target, diags hcl.Diagnostics, ok bool) {
	for in := r.scope.turn; in != nil; in = in.outer.turn {
		switch r.root {
		case in.keyVar:
			return []target{{path: []string{r.root}, value: cty.StringVal(in.key)}}, nil, true
		case in.valVar:
			path := []string{r.root}
			targets, diags := s.descend(r, in.outer, in.over, nil, append([]key{{name: in.key, known: true, at: r.at}}, r.keys...))
			if !diags.HasErrors() && !rebase(targets, 1, path) {
				targets = []target{{path: path, expr: in.over, scope: in.outer, element: &in.key}}
			}
			return targets, diags, true
		}
	}
	return nil, nil, false
}
