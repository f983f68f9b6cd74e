package expand

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// builder makes nodes of a module tree and checks everything on the way.
type builder struct {
	session *session
	nodes   []*Node
	pools   *pools
	diags   hcl.Diagnostics
}

func (b *builder) report(diags hcl.Diagnostics) { b.diags = append(b.diags, diags...) }

// module expands a module and all modules in it.
func (b *builder) module(m *module) {
	run, known, diags := b.session.runs(m)
	b.report(diags)
	never := known && !run
	for _, decl := range m.decl.Steps() {
		all, diags := b.session.phases(m, decl, decl.DefRange)
		b.report(diags)
		if all == nil {
			continue
		}
		for _, k := range all.keys {
			b.nodes = append(b.nodes, &Node{phase: all.get(k), world: b.session.world})
		}
	}
	for _, name := range names(m.decl.Calls) {
		call := m.decl.Calls[name]
		if call.Undo && m.undoing != nil {
			b.report(undoInUndo(call, m.undoing))
			continue
		}
		all, diags := b.session.modules(m, call, call.DefRange)
		b.report(diags)
		if all == nil {
			continue
		}
		for _, k := range all.keys {
			b.module(all.get(k))
		}
	}
	if !never {
		b.values(m)
	}
}

// values evaluates what a module declares, so that mistakes show even where
// nothing uses it.
func (b *builder) values(m *module) {
	s := b.session
	for _, name := range names(m.decl.Variables) {
		v := m.decl.Variables[name]
		_, diags := s.variable(m, v, v.DefRange)
		b.report(diags)
	}
	for _, name := range names(m.decl.Locals) {
		local := m.decl.Locals[name]
		_, diags := s.value(m.scope, local.Value)
		b.report(diags)
	}
	for _, name := range names(m.decl.Outputs) {
		out := m.decl.Outputs[name]
		v, diags := s.value(m.scope, out.Value)
		b.report(diags)
		if m.call == nil {
			b.outputDeps(m, out)
		}
		if m.call == nil && !out.Sensitive && lang.HasSensitive(v) {
			b.report(diag.Errorf(out.DefRange, "Sensitive output",
				"The value holds sensitive parts, so it is not shown. Say so with sensitive = true, and with reveal = true if it is to be printed when the run ended."))
		}
	}
}

// program finishes the nodes and orders them. It is nil if there are problems.
func (b *builder) program(p *config.Pipeline) *Program {
	if b.diags.HasErrors() {
		return nil // what follows would only repeat them
	}
	for _, n := range b.nodes {
		b.node(n)
	}
	reverse(b.nodes)
	if b.report(b.pools.check()); b.diags.HasErrors() {
		return nil
	}
	slices.SortFunc(b.nodes, func(x, y *Node) int { return cmp.Compare(x.Address, y.Address) })
	prog := &Program{
		Nodes: b.nodes, Pools: b.pools.used, Files: p.Files, world: b.session.world,
	}
	g, diags := b.session.graph(b.nodes)
	b.report(diags)
	prog.Graph = g
	return prog
}

// node fills in one node and checks its phase.
func (b *builder) node(n *Node) {
	p, s := n.phase, b.session
	n.Address = p.address
	n.Plugin, n.Type, n.Schema = p.decl.Plugin, p.decl.Type, p.schema
	n.Undo = p.module.undoing != nil
	n.Finally = p.decl.Finally && !n.Undo
	for m := p.module; m.call != nil; m = m.parent {
		n.Modules = append(n.Modules, m.address)
	}
	slices.Reverse(n.Modules)
	b.edges(n)
	b.report(s.settings(n))
	b.pools.use(n)
	run, known, diags := s.when(p)
	b.report(diags)
	if known && !run {
		return // what never runs need not have sensible values
	}
	_, diags = s.config(p)
	b.report(diags)
	for _, c := range p.decl.Preconditions {
		b.report(s.check(p.scope, c))
	}
	for _, c := range p.decl.Postconditions {
		b.report(s.check(p.after(), c))
	}
}

// check evaluates a condition that is not due yet: it may turn out either way,
// but must be a condition.
func (s *session) check(sc *scope, c config.Condition) hcl.Diagnostics {
	_, _, diags := s.truth(sc, c.Condition, "condition")
	return diags
}
