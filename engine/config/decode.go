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

// phaseForm is the example that is shown where a phase is missing or malformed.
const phaseForm = `  phase "pki.ca" "ca" {
    dir = "/etc/kubernetes/pki"
  }`

const finallyForm = `  finally "core.file" "report" {
    path    = "/var/log/bootstrap"
    content = "etcd: ${phase.etcd.status}"
  }`

// decoder turns the blocks of one module into declarations.
type decoder struct {
	module *Module
	root   *Pipeline // what the root file says of the whole; nil for other modules
	none   *Settings // of phases that set nothing
	diags  hcl.Diagnostics
	// files are the names of all files of the module.
	files map[string]bool
	// includes are those of the last file that was decoded; by includes the one that is
	// being decoded, if any does.
	includes []inclusion
	by       string
}

func (d *decoder) errorf(at hcl.Range, summary, detail string, args ...any) {
	d.diags = append(d.diags, diag.Errorf(at, summary, detail, args...)...)
}

// blockForm describes one kind of block at the top level of a file.
type blockForm struct {
	labels []string // what each label is, for messages
	form   string   // a valid block
	decode func(*decoder, *hclsyntax.Block)
}

func blockForms() map[string]blockForm {
	return map[string]blockForm{
		"plugin":   {[]string{"name"}, "  plugin \"etcd\" {\n    source = \"./bin/my-etcd\"\n  }", (*decoder).plugin},
		"variable": {[]string{"name"}, "  variable \"version\" {\n    type = string\n  }", (*decoder).variable},
		"locals":   {nil, "  locals {\n    name = \"value\"\n  }", (*decoder).locals},
		"output":   {[]string{"name"}, "  output \"endpoint\" {\n    value = phase.api.endpoint\n  }", (*decoder).output},
		"pool":     {[]string{"name"}, "  pool \"pull\" {\n    slots = 4\n  }", (*decoder).pool},
		"phase":    {[]string{"type", "name"}, phaseForm, (*decoder).phase},
		"finally":  {[]string{"type", "name"}, finallyForm, (*decoder).phase},
		"module":   {[]string{"name"}, "  module \"certs\" {\n    source = \"./modules/certs\"\n  }", (*decoder).call},
	}
}

// topArguments are the arguments that stand at the top level of a file.
func topArguments() map[string]func(*decoder, *hclsyntax.Attribute) {
	return map[string]func(*decoder, *hclsyntax.Attribute){
		"include": (*decoder).include,
		"state":   (*decoder).state,
		"forget":  (*decoder).forget,
	}
}

// BlockTypes are the blocks that stand at the top level of a file.
func BlockTypes() []string { return sortedKeys(blockForms()) }

func (d *decoder) body(body *hclsyntax.Body) {
	for _, attr := range attributesInOrder(body) {
		if decode, ok := topArguments()[attr.Name]; ok {
			decode(d, attr)
			continue
		}
		d.errorf(attr.NameRange, "Argument outside of a block",
			"Only blocks, include, and in a pipeline state and forget stand at the top level of a file.%s For a named value write:\n\n  locals {\n    %s = …\n  }",
			diag.DidYouMean(attr.Name, sortedKeys(topArguments())), attr.Name)
	}
	forms := blockForms()
	for _, block := range body.Blocks {
		form, ok := forms[block.Type]
		if !ok {
			d.unknownBlock(block, sortedKeys(forms))
			continue
		}
		if d.labels(block, form) {
			form.decode(d, block)
		}
	}
}

func (d *decoder) unknownBlock(block *hclsyntax.Block, known []string) {
	hint := diag.DidYouMean(block.Type, known)
	if hint == "" && slices.Contains([]string{"resource", "node", "step", "task", "job", "data"}, block.Type) {
		hint = " A step of a pipeline is a phase."
	}
	d.errorf(block.TypeRange, "Unknown block", "There is no block type %q.%s %s", block.Type, hint, diag.Names("block types", known))
}

// labels checks the number of labels and that the last one is a name.
func (d *decoder) labels(block *hclsyntax.Block, form blockForm) bool {
	want := len(form.labels)
	switch got := len(block.Labels); {
	case got > want:
		at := hcl.RangeBetween(block.LabelRanges[want], block.LabelRanges[got-1])
		d.errorf(at, "Too many labels", "A %s block has %s. A valid one:\n\n%s", block.Type, countLabels(form.labels), form.form)
		return false
	case got < want:
		d.errorf(block.DefRange(), "Missing "+form.labels[got], "A %s block has %s. A valid one:\n\n%s",
			block.Type, countLabels(form.labels), form.form)
		return false
	case want == 0:
		return true
	}
	name := block.Labels[want-1]
	if !hclsyntax.ValidIdentifier(name) {
		d.errorf(block.LabelRanges[want-1], "Invalid name",
			"%q is no name: a name has letters, digits, underscores and dashes, and starts with a letter. A valid block:\n\n%s", name, form.form)
		return false
	}
	return true
}

func countLabels(labels []string) string {
	switch len(labels) {
	case 0:
		return "no labels"
	case 1:
		return "one label, its " + labels[0]
	default:
		return "two labels, its " + strings.Join(labels, " and its ")
	}
}

// arguments returns the known arguments of a block and reports all others, and
// all blocks in it besides those of the types in blocks.
func (d *decoder) arguments(block *hclsyntax.Block, form string, known []string, blocks ...string) map[string]*hclsyntax.Attribute {
	d.nestedBlocks(block, form, blocks)
	out := map[string]*hclsyntax.Attribute{}
	for _, attr := range attributesInOrder(block.Body) {
		if slices.Contains(known, attr.Name) {
			out[attr.Name] = attr
			continue
		}
		d.errorf(attr.NameRange, "Unknown argument", "A %s block has no argument %q.%s A valid block:\n\n%s",
			block.Type, attr.Name, diag.DidYouMean(attr.Name, known), form)
	}
	return out
}

func (d *decoder) nestedBlocks(block *hclsyntax.Block, form string, known []string) {
	for _, inner := range block.Body.Blocks {
		if slices.Contains(known, inner.Type) {
			continue
		}
		d.errorf(inner.TypeRange, "Unknown block", "A %s block holds no %q block.%s A valid block:\n\n%s",
			block.Type, inner.Type, diag.DidYouMean(inner.Type, known), form)
	}
}

// attributesInOrder lists the attributes of a body in the order of the source.
func attributesInOrder(body *hclsyntax.Body) []*hclsyntax.Attribute {
	list := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, attr := range body.Attributes {
		list = append(list, attr)
	}
	slices.SortFunc(list, func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
	return list
}

// declare puts a declaration under its name, or reports that the name is taken.
func declare[T any](d *decoder, all map[string]T, name string, decl T, what string, at hcl.Range, first func(T) hcl.Range) {
	if old, ok := all[name]; ok {
		was := first(old)
		d.errorf(at, "Name declared twice", "%s %q is already declared at %s:%d. Names of one kind are unique in a module: rename one of them.",
			what, name, was.Filename, was.Start.Line)
		return
	}
	all[name] = decl
}

// exprOf analyses the expression of an attribute; a nil attribute gives nil.
func exprOf(attr *hclsyntax.Attribute) *lang.Expr {
	if attr == nil {
		return nil
	}
	return lang.NewExpr(attr.Expr)
}
