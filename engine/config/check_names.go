package config

import (
	"fmt"
	"slices"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// rootForms are the first names of references, with a valid form of each.
func rootForms() map[string]string {
	return map[string]string{
		"var": "var.NAME", "local": "local.NAME", "phase": "phase.NAME.OUTPUT", "finally": "finally.NAME.OUTPUT", "module": "module.NAME.OUTPUT",
		"each": "each.key", "path": "path.module", "self": "self.OUTPUT",
	}
}

// reference checks the part of a reference that names something declared.
func (c *checker) reference(ref lang.Reference, in place) {
	if !isRoot(ref.Root) {
		c.unknownRoot(ref)
		return
	}
	if in.varsOnly && ref.Root != "var" {
		c.errorf(ref.Range, "Not known here", "A validation can refer to variables only, not to %s: it is checked before anything else.", ref.Root)
		return
	}
	switch ref.Root {
	case "each":
		c.each(ref, in)
		return
	case "self":
		if !in.self {
			c.errorf(ref.Range, "No self here", "self stands for the phase in a postcondition. Elsewhere write phase.NAME.OUTPUT.")
		}
		return
	}
	if len(ref.Steps) == 0 || !ref.Steps[0].Static() {
		c.errorf(ref.Range, "Incomplete reference", "%q alone has no value. Write %s.", ref.Root, rootForms()[ref.Root])
		return
	}
	c.declared(ref, ref.Steps[0])
}

func isRoot(name string) bool {
	switch name {
	case "var", "local", "phase", "finally", "module", "each", "path", "self":
		return true
	default:
		return false
	}
}

// declared checks the name after var, local, phase, finally, module or path.
func (c *checker) declared(ref lang.Reference, step lang.Step) {
	m := c.module
	switch ref.Root {
	case "var":
		if m.Variables[step.Name] == nil {
			c.undeclared(step, "variable", sortedKeys(m.Variables), "variable %q {\n    type = string\n  }")
		}
	case "local":
		if m.Locals[step.Name] == nil {
			c.undeclared(step, "local", sortedKeys(m.Locals), "locals {\n    %s = …\n  }")
		}
	case "phase", "finally":
		c.step(ref.Root, step)
	case "module":
		if call := m.Calls[step.Name]; call != nil {
			c.moduleOutput(ref, call)
			return
		}
		c.undeclared(step, "module", sortedKeys(m.Calls), "module %q {\n    source = \"./modules/…\"\n  }")
	case "path":
		known := []string{"module", "root", "cwd"}
		if !slices.Contains(known, step.Name) {
			c.errorf(step.Range, "Unknown name", "There is no path.%s.%s There are path.module, path.root and path.cwd.",
				step.Name, diag.DidYouMean(step.Name, known))
		}
	}
}

// step checks the name of a phase or of a finally block.
func (c *checker) step(root string, step lang.Step) {
	switch {
	case c.module.Step(root, step.Name) != nil:
	case root == "phase":
		c.undeclared(step, "phase", sortedKeys(c.module.Phases), "phase \"plugin.type\" %q {\n    …\n  }")
	default:
		c.undeclared(step, "finally block", sortedKeys(c.module.Finally), "finally \"plugin.type\" %q {\n    …\n  }")
	}
}

// undeclared reports a name that is not declared.
func (c *checker) undeclared(step lang.Step, what string, known []string, form string) {
	hint := diag.DidYouMean(step.Name, known)
	switch {
	case hint != "":
	case len(known) == 0:
		hint = " Declare it:\n\n  " + fmt.Sprintf(form, step.Name)
	default:
		hint = " " + diag.Names(what+"s", known)
	}
	c.errorf(step.Range, "Unknown "+what, "This module has no %s %q.%s", what, step.Name, hint)
}

// moduleOutput checks the output in module.NAME.OUTPUT or module.NAME["key"].OUTPUT.
func (c *checker) moduleOutput(ref lang.Reference, call *Call) {
	if call.Module == nil || len(ref.Steps) < 2 {
		return
	}
	outputs := sortedKeys(call.Module.Outputs)
	step, problem := ref.Item("module."+call.Name, call.ForEach != nil, outputs)
	if c.diags = append(c.diags, problem...); problem != nil || !step.Static() || slices.Contains(outputs, step.Name) {
		return
	}
	c.errorf(step.Range, "Unknown module output", "Module %q (%s) has no output %q.%s %s",
		call.Name, call.Module.Dir, step.Name, diag.DidYouMean(step.Name, outputs), diag.Names("outputs", outputs))
}

func (c *checker) each(ref lang.Reference, in place) {
	switch {
	case !in.each:
		c.errorf(ref.Range, "No each here", "each has a value only in a phase or module block with for_each, and not in for_each itself.")
	case len(ref.Steps) == 0 || (ref.Steps[0].Name != "key" && ref.Steps[0].Name != "value"):
		c.errorf(ref.Range, "Unknown name", "There are only each.key and each.value.")
	}
}

// unknownRoot explains a first name that means nothing.
func (c *checker) unknownRoot(ref lang.Reference) {
	name := ref.Root
	switch kind := c.kindOf(name); {
	case kind != "" && len(ref.Steps) == 0:
		c.errorf(ref.Range, "Unknown name", "There is no %q. To read the %s of that name write %s.%s.", name, kind, rootOf(kind), name)
	case kind != "":
		c.errorf(ref.Range, "Unknown name", "There is no %q. To read the %s of that name write %s.%s.%s.", name, kind, rootOf(kind), name, ref.Steps[0].Name)
	case name == "count":
		c.errorf(ref.Range, "Unknown name", "There is no count. With for_each = range(3) write each.key.")
	case len(ref.Steps) == 0:
		c.errorf(ref.Range, "Unknown name", "There is no %q. If it is text, put it in quotes: \"%s\".", name, name)
	default:
		c.errorf(ref.Range, "Unknown name", "There is no %q.%s References start with var, local, phase, module, each or path, such as phase.NAME.OUTPUT.",
			name, diag.DidYouMean(name, sortedKeys(rootForms())))
	}
}

// kindOf says what the module declares under a name.
func (c *checker) kindOf(name string) string {
	m := c.module
	switch {
	case m.Phases[name] != nil:
		return "phase"
	case m.Finally[name] != nil:
		return "finally"
	case m.Locals[name] != nil:
		return "local"
	case m.Variables[name] != nil:
		return "variable"
	case m.Calls[name] != nil:
		return "module"
	default:
		return ""
	}
}

func rootOf(kind string) string {
	if kind == "variable" {
		return "var"
	}
	return kind
}
