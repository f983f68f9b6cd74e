package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

const (
	dependsForm = "depends_on = [phase.etcd, module.certs]"
	retryForm   = "  retry {\n    attempts = 5\n    backoff  = \"1s..30s\"\n  }"
)

// PhaseArguments are the arguments of a phase that belong to the language; all
// others are the plugin's.
func PhaseArguments() []string {
	return []string{"for_each", "when", "depends_on", "timeout", "on_error", "pool", "isolation"}
}

// PhaseBlocks are the blocks that a phase may hold.
func PhaseBlocks() []string { return []string{"retry", "precondition", "postcondition"} }

// CallArguments are the arguments of a module block that are no inputs.
func CallArguments() []string {
	return []string{"source", "for_each", "when", "depends_on", "direction"}
}

func (d *decoder) phase(block *hclsyntax.Block) {
	p := &Phase{
		Name: block.Labels[1], Finally: block.Type == "finally", DefRange: block.DefRange(),
		Settings: &Settings{},
	}
	p.setTypeRange(block.LabelRanges[0])
	var ok bool
	p.Plugin, p.Type, ok = strings.Cut(block.Labels[0], ".")
	if !ok || !hclsyntax.ValidIdentifier(p.Plugin) || !hclsyntax.ValidIdentifier(p.Type) {
		d.errorf(p.TypeRange(), "Invalid phase type",
			"A phase type names a plugin and one of its types with a dot between them, which %q does not. A valid block:\n\n%s", block.Labels[0], blockForms()[block.Type].form)
		return
	}
	for _, attr := range attributesInOrder(block.Body) {
		switch slot := p.reserved(attr.Name); {
		case slot != nil:
			*slot = exprOf(attr)
		case attr.Name == "depends_on":
			p.DependsOn = d.dependsOn(attr, block.Type)
		case attr.Name == "count":
			d.errorf(attr.NameRange, "No count", "There is no count, since removing one instance would rename all after it. Write for_each = toset([\"a\", \"b\"]) or for_each = range(3).")
		default:
			p.Config = append(p.Config, argument(attr))
		}
	}
	p.Config.sort()
	d.phaseBlocks(p, block)
	if len(block.Body.Blocks) == 0 && len(p.Config) == len(block.Body.Attributes) {
		p.Settings = d.none
	}
	all, what := d.module.Phases, "Phase"
	if p.Finally {
		all, what = d.module.Finally, "Finally block"
	}
	declare(d, all, p.Name, p, what, p.DefRange, func(p *Phase) hcl.Range { return p.DefRange })
}

// reserved is where the expression of an argument of the language goes, or nil.
func (p *Settings) reserved(name string) **lang.Expr {
	switch name {
	case "for_each":
		return &p.ForEach
	case "when":
		return &p.When
	case "timeout":
		return &p.Timeout
	case "on_error":
		return &p.OnError
	case "pool":
		return &p.Pool
	case "isolation":
		return &p.Isolation
	default:
		return nil
	}
}

func argument(attr *hclsyntax.Attribute) Argument {
	return Argument{Name: attr.Name, Value: exprOf(attr), NameRange: attr.NameRange}
}

func (list Arguments) sort() {
	slices.SortFunc(list, func(a, b Argument) int { return cmp.Compare(a.Name, b.Name) })
}

func (d *decoder) phaseBlocks(p *Phase, block *hclsyntax.Block) {
	for _, inner := range block.Body.Blocks {
		switch inner.Type {
		case "precondition":
			p.Preconditions = append(p.Preconditions, d.condition(inner)...)
		case "postcondition":
			p.Postconditions = append(p.Postconditions, d.condition(inner)...)
		case "retry":
			d.retry(p, inner)
		default:
			d.nestedPhaseBlock(block, inner)
		}
	}
}

func (d *decoder) nestedPhaseBlock(block, inner *hclsyntax.Block) {
	if hint := diag.DidYouMean(inner.Type, PhaseBlocks()); hint != "" {
		d.errorf(inner.TypeRange, "Unknown block", "A %s block holds no %q block.%s", block.Type, inner.Type, hint)
		return
	}
	d.errorf(inner.TypeRange, "Unknown block", "A %s block holds no %q block. Arguments of the plugin are never blocks. A valid form:\n\n  %s %q %q {\n    %s = { … }\n  }",
		block.Type, inner.Type, block.Type, block.Labels[0], block.Labels[1], inner.Type)
}

func (d *decoder) retry(p *Phase, block *hclsyntax.Block) {
	if p.Retry != nil {
		d.errorf(block.DefRange(), "Second retry block", "The phase already has a retry block at line %d.", p.Retry.DefRange.Start.Line)
		return
	}
	args := d.arguments(block, retryForm, []string{"attempts", "backoff"})
	if args["attempts"] == nil {
		d.missing(block, "attempts", retryForm)
	}
	p.Retry = &Retry{Attempts: exprOf(args["attempts"]), Backoff: exprOf(args["backoff"]), DefRange: block.DefRange()}
}

// dependsOn reads a list of phases and modules, in a block of the given type.
func (d *decoder) dependsOn(attr *hclsyntax.Attribute, block string) []lang.Reference {
	list, ok := attr.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		d.errorf(attr.Expr.Range(), "Invalid depends_on", "A list of phases and modules is needed, such as %s.", dependsForm)
		return nil
	}
	var refs []lang.Reference
	for _, item := range list.Exprs {
		ref, ok := lang.AsReference(item)
		switch {
		case !ok:
			d.errorf(item.Range(), "Invalid depends_on", "This is no phase or module. Write names without quotes, such as %s.", dependsForm)
		case ref.Root == "finally" && block == "finally":
			refs = append(refs, ref)
		case ref.Root == "finally":
			d.errorf(item.Range(), "Invalid depends_on", "A finally block runs when everything else is done, so only another finally block can wait for it.")
		case ref.Root != "phase" && ref.Root != "module":
			d.errorf(item.Range(), "Invalid depends_on", "Only phases and modules can be waited for, such as %s.", dependsForm)
		default:
			refs = append(refs, ref)
		}
	}
	return refs
}

func (d *decoder) call(block *hclsyntax.Block) {
	form := blockForms()["module"].form
	d.nestedBlocks(block, form, nil)
	c := &Call{Name: block.Labels[0], DefRange: block.DefRange()}
	for _, attr := range attributesInOrder(block.Body) {
		switch attr.Name {
		case "source":
			d.source(c, attr)
		case "for_each":
			c.ForEach = exprOf(attr)
		case "when":
			c.When = exprOf(attr)
		case "depends_on":
			c.DependsOn = d.dependsOn(attr, block.Type)
		case "direction":
			d.direction(c, attr)
		default:
			c.Inputs = append(c.Inputs, argument(attr))
		}
	}
	c.Inputs.sort()
	if block.Body.Attributes["source"] == nil {
		d.missing(block, "source", form)
	}
	declare(d, d.module.Calls, c.Name, c, "Module", c.DefRange, func(c *Call) hcl.Range { return c.DefRange })
}

// direction says whether the phases of a module are applied or undone.
func (d *decoder) direction(c *Call, attr *hclsyntax.Attribute) {
	var direction string
	if !d.constant(attr, &direction, `direction = "undo"`) {
		return
	}
	if direction != "apply" && direction != "undo" {
		d.errorf(attr.Expr.Range(), "Invalid direction",
			"%q is no direction.%s Valid forms are direction = \"undo\", which removes what the module makes, and direction = \"apply\", the default.",
			direction, diag.DidYouMean(direction, []string{"apply", "undo"}))
	}
	c.Undo = direction == "undo"
}

func (d *decoder) source(c *Call, attr *hclsyntax.Attribute) {
	c.SourceRange = attr.Expr.Range()
	var source string
	if !d.constant(attr, &source, `source = "./modules/certs"`) {
		return
	}
	if !localSource(source) {
		hint := ""
		if !strings.Contains(source, ":") {
			hint = " For a directory next to this file write \"./" + source + "\"."
		}
		d.errorf(c.SourceRange, "Unsupported module source",
			"Modules are local directories for now: a source starts with ./ or ../, such as \"./modules/certs\".%s", hint)
		return
	}
	c.Source = source
}
