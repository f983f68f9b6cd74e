package config

import (
	"encoding/hex"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// constant reads an attribute that must be spelled out into a Go value. It is
// false if the attribute is not there or not constant.
func (d *decoder) constant(attr *hclsyntax.Attribute, to any, example string) bool {
	if attr == nil {
		return false
	}
	if refs := lang.References(attr.Expr); len(refs) > 0 {
		d.errorf(refs[0].Range, "Constant needed", "%s is read before anything is evaluated, so it cannot refer to %s. Write it out: %s.",
			attr.Name, refs[0].Root, example)
		return false
	}
	if v, diags := attr.Expr.Value(nil); !diags.HasErrors() && v.IsNull() {
		return false
	}
	if diags := gohcl.DecodeExpression(attr.Expr, nil, to); diags.HasErrors() {
		cause := strings.TrimPrefix(diags[0].Detail, "Unsuitable value: ")
		d.errorf(attr.Expr.Range(), "Invalid "+attr.Name, "The value does not fit: %s. A valid form is %s.", strings.TrimSuffix(cause, "."), example)
		return false
	}
	return true
}

func (d *decoder) missing(block *hclsyntax.Block, name, form string) {
	d.errorf(block.DefRange(), "Missing argument", "The %s block needs the argument %s. A valid block:\n\n%s", block.Type, name, form)
}

func (d *decoder) plugin(block *hclsyntax.Block) {
	form := blockForms()["plugin"].form
	args := d.arguments(block, form, []string{"source", "sha256"})
	p := &Plugin{Name: block.Labels[0], DefRange: block.DefRange()}
	if d.root == nil {
		d.errorf(block.DefRange(), "Plugin in a module",
			"Only the root file says where plugins are, so that one pipeline never runs two binaries of one name. Move this block to the root file.")
	}
	if args["source"] == nil {
		d.missing(block, "source", form)
	} else if d.constant(args["source"], &p.Source, `source = "./bin/my-etcd"`) {
		p.SourceRange = args["source"].Expr.Range()
	}
	if d.constant(args["sha256"], &p.SHA256, `sha256 = "9f2c…" with 64 hex digits`) {
		p.SHA256 = strings.ToLower(p.SHA256)
		if raw, err := hex.DecodeString(p.SHA256); err != nil || len(raw) != 32 {
			d.errorf(args["sha256"].Expr.Range(), "Invalid sha256", "A SHA-256 digest has 64 hex digits, as printed by sha256sum; this has %d characters.", len(p.SHA256))
		}
	}
	declare(d, d.module.Plugins, p.Name, p, "Plugin", block.DefRange(), func(p *Plugin) hcl.Range { return p.DefRange })
}

func (d *decoder) locals(block *hclsyntax.Block) {
	d.nestedBlocks(block, blockForms()["locals"].form, nil)
	for _, attr := range attributesInOrder(block.Body) {
		local := &Local{Name: attr.Name, Value: exprOf(attr), NameRange: attr.NameRange}
		declare(d, d.module.Locals, attr.Name, local, "Local", attr.NameRange, func(l *Local) hcl.Range { return l.NameRange })
	}
}

func (d *decoder) output(block *hclsyntax.Block) {
	form := blockForms()["output"].form
	args := d.arguments(block, form, []string{"value", "description", "sensitive", "reveal"})
	o := &Output{Name: block.Labels[0], Value: exprOf(args["value"]), DefRange: block.DefRange()}
	d.constant(args["description"], &o.Description, `description = "What it is"`)
	d.constant(args["sensitive"], &o.Sensitive, "sensitive = true")
	d.constant(args["reveal"], &o.Reveal, "reveal = true")
	if o.Value == nil {
		d.missing(block, "value", form)
		return
	}
	declare(d, d.module.Outputs, o.Name, o, "Output", block.DefRange(), func(o *Output) hcl.Range { return o.DefRange })
}

func (d *decoder) pool(block *hclsyntax.Block) {
	form := blockForms()["pool"].form
	args := d.arguments(block, form, []string{"slots"})
	p := &Pool{Name: block.Labels[0], DefRange: block.DefRange()}
	if args["slots"] == nil {
		d.missing(block, "slots", form)
		return
	}
	if d.constant(args["slots"], &p.Slots, "slots = 4") && p.Slots < 1 {
		d.errorf(args["slots"].Expr.Range(), "Invalid slots", "A pool has at least one slot, this has %d: nothing in it could ever run. A valid form is slots = 4.", p.Slots)
	}
	declare(d, d.module.Pools, p.Name, p, "Pool", block.DefRange(), func(p *Pool) hcl.Range { return p.DefRange })
}

func (d *decoder) variable(block *hclsyntax.Block) {
	form := blockForms()["variable"].form
	args := d.arguments(block, form, []string{"type", "default", "description", "sensitive", "ephemeral"}, "validation")
	v := &Variable{Name: block.Labels[0], Type: cty.DynamicPseudoType, DefRange: block.DefRange()}
	d.constant(args["description"], &v.Description, `description = "What it is"`)
	d.constant(args["sensitive"], &v.Sensitive, "sensitive = true")
	d.constant(args["ephemeral"], &v.Ephemeral, "ephemeral = true")
	if args["type"] != nil {
		d.variableType(v, args["type"])
	}
	if args["default"] != nil {
		d.variableDefault(v, args["default"])
	}
	for _, inner := range block.Body.Blocks {
		if inner.Type == "validation" {
			v.Validations = append(v.Validations, d.condition(inner)...)
		}
	}
	declare(d, d.module.Variables, v.Name, v, "Variable", block.DefRange(), func(v *Variable) hcl.Range { return v.DefRange })
}

func (d *decoder) variableType(v *Variable, attr *hclsyntax.Attribute) {
	typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(attr.Expr)
	for _, x := range diags {
		x.Summary = "Invalid type"
		x.Detail += " Valid types are string, number, bool, any, list(string), set(string), map(string) and object({ name = string, port = optional(number, 6443) })."
	}
	if d.diags = append(d.diags, diags...); !diags.HasErrors() {
		v.Type, v.Defaults = typ, defaults
	}
}

func (d *decoder) variableDefault(v *Variable, attr *hclsyntax.Attribute) {
	if refs := lang.References(attr.Expr); len(refs) > 0 {
		d.errorf(refs[0].Range, "Constant needed",
			"A default cannot refer to %s: variables come first. Set default = null and write coalesce(var.%s, …) where it is used.", refs[0].Root, v.Name)
		return
	}
	val, diags := attr.Expr.Value(nil)
	if diags.HasErrors() {
		d.diags = append(d.diags, diags...)
		return
	}
	val, err := v.Convert(val)
	if err != nil {
		d.errorf(attr.Expr.Range(), "Invalid default", "The default of variable %q does not have its type: %s.", v.Name, err)
		return
	}
	for _, stray := range lang.Strays(attr.Expr, v.Type) {
		d.errorf(stray.Range, "Unknown attribute", "The type of variable %q has no attribute %q.%s %s",
			v.Name, stray.Name, diag.DidYouMean(stray.Name, stray.Known), diag.Names("attributes", stray.Known))
	}
	v.Default = val
}

// Convert gives a value the type of the variable and fills in the defaults of
// optional attributes.
func (v *Variable) Convert(val cty.Value) (cty.Value, error) {
	if v.Defaults != nil {
		val = v.Defaults.Apply(val)
	}
	return convert.Convert(val, v.Type)
}

// condition decodes a validation, precondition or postcondition block.
func (d *decoder) condition(block *hclsyntax.Block) []Condition {
	form := "  " + block.Type + " {\n    condition     = var.port > 1024\n    error_message = \"Ports up to 1024 are reserved.\"\n  }"
	if len(block.Labels) > 0 {
		d.errorf(block.LabelRanges[0], "Too many labels", "A %s block has no labels. A valid one:\n\n%s", block.Type, form)
	}
	args := d.arguments(block, form, []string{"condition", "error_message"})
	for _, name := range []string{"condition", "error_message"} {
		if args[name] == nil {
			d.missing(block, name, form)
			return nil
		}
	}
	return []Condition{{exprOf(args["condition"]), exprOf(args["error_message"]), block.DefRange()}}
}

// localSource reports whether a module source is a path.
func localSource(source string) bool {
	return strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") || source == "." || source == ".." || path.IsAbs(source)
}
