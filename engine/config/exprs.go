package config

import "github.com/clusterflow/clusterflow/engine/lang"

// Exprs lists all expressions of a module. depends_on is not among them, as it is
// no expression.
func (m *Module) Exprs() []*lang.Expr {
	var all []*lang.Expr
	add := func(list ...*lang.Expr) {
		for _, e := range list {
			if e != nil {
				all = append(all, e)
			}
		}
	}
	conditions := func(list []Condition) {
		for _, c := range list {
			add(c.Condition, c.Message)
		}
	}
	for _, name := range sortedKeys(m.Variables) {
		conditions(m.Variables[name].Validations)
	}
	for _, name := range sortedKeys(m.Locals) {
		add(m.Locals[name].Value)
	}
	for _, name := range sortedKeys(m.Outputs) {
		add(m.Outputs[name].Value)
	}
	for _, p := range m.Steps() {
		add(p.ForEach, p.When, p.Timeout, p.OnError, p.Pool, p.Isolation)
		if p.Retry != nil {
			add(p.Retry.Attempts, p.Retry.Backoff)
		}
		for _, arg := range p.Config {
			add(arg.Value)
		}
		conditions(p.Preconditions)
		conditions(p.Postconditions)
	}
	for _, name := range sortedKeys(m.Calls) {
		c := m.Calls[name]
		add(c.ForEach, c.When)
		for _, input := range c.Inputs {
			add(input.Value)
		}
	}
	return all
}
