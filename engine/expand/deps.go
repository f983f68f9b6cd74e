package expand

import (
	"cmp"
	"slices"

	"github.com/clusterflow/clusterflow/engine/graph"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// dep is a phase behind an expression.
type dep struct {
	phase *phase
	kind  EdgeKind
}

// deps returns the phases behind an expression, each once.
func (s *session) deps(sc *scope, e *lang.Expr) []dep {
	k := valueKey{sc, e}
	if known, ok := s.behind[k]; ok {
		return known
	}
	if s.behind == nil {
		s.behind = map[valueKey][]dep{}
	}
	s.behind[k] = nil // a circle ends here; evaluation reports it
	var all depSet
	for i := range e.Refs {
		all.add(s.refDeps(sc, &e.Refs[i])...)
	}
	s.behind[k] = all.list
	return all.list
}

// refDeps returns the phases behind one reference.
func (s *session) refDeps(sc *scope, ref *lang.Reference) []dep {
	targets, _ := s.resolve(sc, ref) // evaluation reports the same problems
	var all depSet
	for _, t := range targets {
		all.add(s.targetDeps(t, ref)...)
	}
	return all.list
}

func (s *session) targetDeps(t target, ref *lang.Reference) []dep {
	var all depSet
	for _, g := range t.gates {
		all.add(s.deps(g.module.caller, g.module.call.When)...)
	}
	again := request{guarded: true, at: ref.Range}
	switch {
	case t.phase != nil && t.status:
		all.add(dep{t.phase, Status})
	case t.phase != nil:
		all.add(dep{t.phase, Data})
	case t.variable != nil:
		if in := t.module.input(t.variable); in != nil {
			all.add(s.descendDeps(again, t.module.caller, in.Value, t.rest, ref)...)
		}
	case t.expr != nil && t.element == nil:
		all.add(s.descendDeps(again, t.scope, t.expr, t.rest, ref)...)
	case t.expr != nil:
		all.add(s.deps(t.scope, t.expr)...)
	}
	return all.list
}

// descendDeps follows what is left of a reference where evaluation must stop: a
// value that is converted or secret as a whole still depends on parts only.
func (s *session) descendDeps(r request, sc *scope, e *lang.Expr, rest []key, ref *lang.Reference) []dep {
	r.scope = sc
	targets, _ := s.descend(r, sc, e, nil, rest)
	var all depSet
	for _, t := range targets {
		if t.expr == e && t.scope == sc {
			all.add(s.deps(sc, e)...)
			continue
		}
		all.add(s.targetDeps(t, ref)...)
	}
	return all.list
}

// depSet is a list of deps without repetitions. It keeps the strictest kind.
type depSet struct {
	list []dep
	at   map[*phase]int
}

func (d *depSet) add(more ...dep) {
	for _, x := range more {
		if d.at == nil {
			d.at = map[*phase]int{}
		}
		i, ok := d.at[x.phase]
		if !ok {
			d.at[x.phase] = len(d.list)
			d.list = append(d.list, x)
			continue
		}
		if strictness(x.kind) > strictness(d.list[i].kind) {
			d.list[i].kind = x.kind
		}
	}
}

func strictness(k EdgeKind) int {
	switch k {
	case graph.Data:
		return 3
	case graph.Order:
		return 2
	default:
		return 1
	}
}

// edgeSet collects the edges of a node.
type edgeSet struct {
	list []Edge
	at   map[string]int
}

func (d *edgeSet) add(e Edge) {
	if d.at == nil {
		d.at = map[string]int{}
	}
	i, ok := d.at[e.To]
	if !ok {
		d.at[e.To] = len(d.list)
		d.list = append(d.list, e)
		return
	}
	if strictness(e.Kind) > strictness(d.list[i].Kind) {
		d.list[i] = e
	}
}

func (d *edgeSet) sorted() []Edge {
	slices.SortFunc(d.list, func(a, b Edge) int { return cmp.Compare(a.To, b.To) })
	return d.list
}
