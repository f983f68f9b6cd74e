package config

import (
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/lang"
)

const (
	stateForm  = `state = "node"`
	forgetForm = `forget = true`
)

// StateName reads just the name that runs of a pipeline are recorded under. A file
// that cannot be read has that of its path: its records may have outlived it.
func StateName(fsys fs.FS, name string) string {
	p := &Pipeline{State: baseName(name)}
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return p.State
	}
	file, _ := hclsyntax.ParseConfig(src, name, hcl.InitialPos) // as far as it is valid
	if body, ok := file.Body.(*hclsyntax.Body); ok && body.Attributes["state"] != nil {
		d := &decoder{root: p}
		d.state(body.Attributes["state"])
	}
	return p.State
}

func baseName(name string) string {
	return strings.TrimSuffix(path.Base(name), path.Ext(name))
}

// state names the records of runs.
func (d *decoder) state(attr *hclsyntax.Attribute) {
	value, ok := d.wholePipeline(attr, cty.String, stateForm)
	if !ok {
		return
	}
	if name := value.AsString(); hclsyntax.ValidIdentifier(name) {
		d.root.State, d.root.Shares = name, true
		return
	}
	d.errorf(attr.Expr.Range(), "Invalid name",
		"%q is no name: a name has letters, digits, underscores and dashes, and starts with a letter. A valid form is %s.", value.AsString(), stateForm)
}

// forget drops all records in the end.
func (d *decoder) forget(attr *hclsyntax.Attribute) {
	if value, ok := d.wholePipeline(attr, cty.Bool, forgetForm); ok {
		d.root.Forget = value.True()
	}
}

// wholePipeline evaluates a constant that holds for a whole pipeline.
func (d *decoder) wholePipeline(attr *hclsyntax.Attribute, want cty.Type, form string) (cty.Value, bool) {
	if d.root == nil {
		d.errorf(attr.NameRange, "Argument of a pipeline in a module", "A module has no %s; it belongs to the pipeline that uses it.", attr.Name)
		return cty.NilVal, false
	}
	if refs := lang.References(attr.Expr); len(refs) > 0 {
		d.errorf(refs[0].Range, "Constant needed",
			"%s is read before anything is evaluated, so it cannot refer to %s. Write it out: %s.", attr.Name, refs[0].Root, form)
		return cty.NilVal, false
	}
	value, diags := attr.Expr.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != want {
		d.errorf(attr.Expr.Range(), "Invalid "+attr.Name, "A %s is needed, such as %s.", want.FriendlyName(), form)
		return cty.NilVal, false
	}
	return value, true
}
