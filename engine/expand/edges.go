package expand

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// edges finds what a node needs.
func (b *builder) edges(n *Node) {
	p := n.phase
	var set edgeSet
	for _, m := range enclosing(p.module) {
		b.mentions(n, &set, m.caller, m.call.When)
		b.order(n, &set, m.caller, m.call.DependsOn)
	}
	b.mentions(n, &set, p.scope, p.decl.When)
	b.order(n, &set, p.scope, p.decl.DependsOn)
	for _, arg := range p.decl.Config {
		b.mentions(n, &set, p.scope, arg.Value)
	}
	for _, c := range slices.Concat(p.decl.Preconditions, p.decl.Postconditions) {
		b.mentions(n, &set, p.scope, c.Condition)
		b.mentions(n, &set, p.scope, c.Message)
	}
	n.Edges = set.sorted()
}

func enclosing(m *module) []*module {
	var list []*module
	for ; m.call != nil; m = m.parent {
		list = append(list, m)
	}
	slices.Reverse(list)
	return list
}

// mentions adds the phases behind an expression.
func (b *builder) mentions(n *Node, set *edgeSet, sc *scope, e *lang.Expr) {
	if e == nil {
		return
	}
	for i := range e.Refs {
		ref := &e.Refs[i]
		for _, d := range b.session.refDeps(sc, ref) {
			b.edge(n, set, d.phase, d.kind, ref)
		}
	}
}

func (b *builder) edge(n *Node, set *edgeSet, to *phase, kind EdgeKind, ref *lang.Reference) {
	text := b.session.text(ref.Range)
	if to == n.phase {
		b.report(diag.Errorf(ref.Range, "Phase needs itself", "%s waits for itself through %s. What a phase made can be read by other phases, and in a postcondition as self.",
			n.Address, text))
		return
	}
	undoing, same := to.module.undoing, to.module.undoing == n.phase.module.undoing
	switch {
	case to.decl.Finally && !n.phase.decl.Finally && (undoing == nil || same):
		b.report(diag.Errorf(ref.Range, "Phase waits for a finally block",
			"%s would wait for %s, which runs when everything else is done. Only finally blocks and outputs can refer to a finally block.", n.Address, to.address))
		return
	case kind == Data && undoing != nil && !same:
		b.report(undoneOutput(ref.Range, n.Address, to))
		return
	}
	if n.Finally {
		kind = Status
	}
	to.read = true
	set.add(Edge{To: to.address, Kind: kind, Ref: text, Range: ref.Range})
}

// order adds the phases that depends_on names.
func (b *builder) order(n *Node, set *edgeSet, sc *scope, refs []lang.Reference) {
	for i := range refs {
		phases, diags := b.session.dependsOn(sc, &refs[i])
		b.report(diags)
		for _, p := range phases {
			b.edge(n, set, p, Order, &refs[i])
		}
	}
}

// dependsOn returns all phases that an item of depends_on means.
func (s *session) dependsOn(sc *scope, ref *lang.Reference) ([]*phase, hcl.Diagnostics) {
	keys := s.keys(sc, ref.Steps)
	if len(keys) == 0 || !keys[0].known {
		return nil, nil // reported by package config
	}
	r := request{scope: sc, root: ref.Root, keys: keys, at: ref.Range}
	m := sc.module
	if decl := m.decl.Step(ref.Root, keys[0].name); decl != nil {
		all, diags := s.phases(m, decl, ref.Range)
		if all == nil {
			return nil, diags
		}
		return chooseAll(r, all, decl.Ref(), keys[1:])
	}
	call := m.decl.Calls[keys[0].name]
	if call == nil || ref.Root != "module" {
		return nil, nil // reported by package config
	}
	all, diags := s.modules(m, call, ref.Range)
	if all == nil {
		return nil, diags
	}
	chosen, diags := chooseAll(r, all, "module."+call.Name, keys[1:])
	var phases []*phase
	for _, inner := range chosen {
		more, moreDiags := s.allPhases(inner, ref)
		phases, diags = append(phases, more...), append(diags, moreDiags...)
	}
	return phases, diags
}

func chooseAll[T any](r request, all *family[T], name string, rest []key) ([]T, hcl.Diagnostics) {
	keys, _, diags := choose(r, all, name, rest)
	list := make([]T, len(keys))
	for i, k := range keys {
		list[i] = all.get(k)
	}
	return list, diags
}

// allPhases lists the phases of a module and of the modules in it. Those of finally
// blocks are among them only where they are undone, for else they come last.
func (s *session) allPhases(m *module, ref *lang.Reference) ([]*phase, hcl.Diagnostics) {
	var list []*phase
	var diags hcl.Diagnostics
	for _, decl := range m.decl.Steps() {
		if decl.Finally && m.undoing == nil {
			continue
		}
		all, more := s.phases(m, decl, ref.Range)
		diags = append(diags, more...)
		if all == nil {
			continue
		}
		for _, k := range all.keys {
			list = append(list, all.get(k))
		}
	}
	for _, name := range names(m.decl.Calls) {
		all, more := s.modules(m, m.decl.Calls[name], ref.Range)
		diags = append(diags, more...)
		if all == nil {
			continue
		}
		for _, k := range all.keys {
			phases, more := s.allPhases(all.get(k), ref)
			list, diags = append(list, phases...), append(diags, more...)
		}
	}
	return list, diags
}
