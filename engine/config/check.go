package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// place says which names an expression may use besides the declared ones.
type place struct {
	each bool // the block has for_each
	self bool // a postcondition
	// varsOnly is set where nothing but variables is there yet.
	varsOnly bool
}

// checker looks for names in a module that are declared nowhere.
type checker struct {
	module    *Module
	functions []string
	diags     hcl.Diagnostics
}

// check reports what is wrong with the names in a module.
func check(m *Module, functions []string) hcl.Diagnostics {
	c := &checker{module: m, functions: functions}
	for _, name := range sortedKeys(m.Variables) {
		for _, v := range m.Variables[name].Validations {
			c.condition(v, place{varsOnly: true})
		}
	}
	for _, name := range sortedKeys(m.Locals) {
		c.expr(m.Locals[name].Value, place{})
	}
	for _, name := range sortedKeys(m.Outputs) {
		c.expr(m.Outputs[name].Value, place{})
	}
	for _, p := range m.Steps() {
		c.phase(p)
	}
	for _, name := range sortedKeys(m.Calls) {
		c.call(m.Calls[name])
	}
	return c.diags
}

func (c *checker) errorf(at hcl.Range, summary, detail string, args ...any) {
	c.diags = append(c.diags, diag.Errorf(at, summary, detail, args...)...)
}

func (c *checker) phase(p *Phase) {
	in := place{each: p.ForEach != nil}
	c.expr(p.ForEach, place{})
	for _, e := range []*lang.Expr{p.When, p.Timeout, p.OnError, p.Pool, p.Isolation} {
		c.expr(e, in)
	}
	if p.Retry != nil {
		c.expr(p.Retry.Attempts, in)
		c.expr(p.Retry.Backoff, in)
	}
	for _, arg := range p.Config {
		c.expr(arg.Value, in)
	}
	for _, x := range p.Preconditions {
		c.condition(x, in)
	}
	for _, x := range p.Postconditions {
		c.condition(x, place{each: in.each, self: true})
	}
	c.dependsOn(p.DependsOn, in)
}

func (c *checker) call(call *Call) {
	in := place{each: call.ForEach != nil}
	c.expr(call.ForEach, place{})
	c.expr(call.When, in)
	for _, input := range call.Inputs {
		c.expr(input.Value, in)
	}
	c.dependsOn(call.DependsOn, in)
	if call.Module != nil {
		c.inputs(call)
	}
}

// inputs compares what a module block gives with what the module declares.
func (c *checker) inputs(call *Call) {
	declared := call.Module.Variables
	known := append(sortedKeys(declared), CallArguments()...)
	meant := map[string]bool{} // inputs whose name was probably misspelt
	for _, in := range call.Inputs {
		if declared[in.Name] == nil {
			meant[diag.Suggest(in.Name, known)] = true
			c.errorf(in.NameRange, "Unknown module input", "The module %s declares no variable %q.%s %s",
				call.Module.Dir, in.Name, diag.DidYouMean(in.Name, known), diag.Names("variables", sortedKeys(declared)))
		}
	}
	for _, in := range call.Inputs {
		if v := declared[in.Name]; v != nil {
			c.strays(in.Name, lang.Strays(in.Value.Expression, v.Type))
		}
	}
	for _, name := range sortedKeys(declared) {
		if v := declared[name]; call.Inputs.Get(name) == nil && v.Default == cty.NilVal && !meant[name] {
			c.errorf(call.DefRange, "Missing module input", "The module %s needs a value for its variable %q (%s:%d). Add it to the block:\n\n  %s = …",
				call.Module.Dir, name, v.DefRange.Filename, v.DefRange.Start.Line, name)
		}
	}
}

// strays reports attributes that a conversion would drop silently.
func (c *checker) strays(name string, list []lang.Stray) {
	for _, s := range list {
		c.errorf(s.Range, "Unknown attribute", "The variable %q has no attribute %q.%s %s",
			name, s.Name, diag.DidYouMean(s.Name, s.Known), diag.Names("attributes", s.Known))
	}
}

func (c *checker) condition(x Condition, in place) {
	c.expr(x.Condition, in)
	c.expr(x.Message, in)
}

func (c *checker) expr(e *lang.Expr, in place) {
	if e == nil {
		return
	}
	for _, ref := range e.Refs {
		c.reference(ref, in)
	}
	for _, call := range e.Calls() {
		c.function(call)
	}
}

func (c *checker) function(call lang.Call) {
	if slices.Contains(c.functions, call.Name) || strings.Contains(call.Name, "::") {
		return // a plugin's own are checked where plugins are known
	}
	hint := diag.DidYouMean(call.Name, c.functions)
	if why := lang.Impure(call.Name); why != "" {
		hint = " " + why
	}
	c.errorf(call.Range, "Unknown function", "There is no function %q.%s", call.Name, hint)
}

func (c *checker) dependsOn(refs []lang.Reference, in place) {
	for _, ref := range refs {
		before := len(c.diags)
		c.reference(ref, in)
		if len(c.diags) > before || len(ref.Steps) == 0 {
			continue
		}
		if most := c.wholeSteps(ref); len(ref.Steps) > most {
			c.errorf(ref.Range, "Invalid depends_on", "Phases and modules are waited for as a whole: name them without an output, such as %s. Who reads an output waits for it anyway.", dependsForm)
		}
	}
}

// wholeSteps is how many steps name a phase or module without anything in it.
func (c *checker) wholeSteps(ref lang.Reference) int {
	name := ref.Steps[0].Name
	if p := c.module.Step(ref.Root, name); p != nil && p.ForEach != nil {
		return 2
	}
	if m := c.module.Calls[name]; ref.Root == "module" && m != nil && m.ForEach != nil {
		return 2
	}
	return 1
}
