package config

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

const includeForm = `include = ["./config/cluster.hcl"]`

// inclusion is the name of a file in an include.
type inclusion struct {
	name string // as written
	at   hcl.Range
}

// include reads the names of the files whose blocks belong to the module, too.
func (d *decoder) include(attr *hclsyntax.Attribute) {
	if d.by != "" {
		d.errorf(attr.NameRange, "Include inside of an include",
			"%s includes this file, and what is included cannot include in turn. Add the files to the include of %s.", d.by, d.by)
		return
	}
	list, ok := attr.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		d.errorf(attr.Expr.Range(), "Invalid include", "A list of files is needed, such as %s.", includeForm)
		return
	}
	for _, item := range list.Exprs {
		if refs := lang.References(item); len(refs) > 0 {
			d.errorf(refs[0].Range, "Constant needed",
				"include is read before anything is evaluated, so it cannot refer to %s. Write it out: %s.", refs[0].Root, includeForm)
			continue
		}
		name, diags := item.Value(nil)
		if diags.HasErrors() || name.IsNull() || name.Type() != cty.String || name.AsString() == "" {
			d.errorf(item.Range(), "Invalid include", "This is no name of a file. A valid form is %s.", includeForm)
			continue
		}
		d.includes = append(d.includes, inclusion{name.AsString(), item.Range()})
	}
}

// unit reads a file of a module and all that it includes. It returns the number of
// their blocks. A file that cannot be read counts as one: that it declares nothing
// is not known.
func (l *loader) unit(d *decoder, name string, at *hcl.Range) int {
	d.includes = nil
	blocks, ok := l.file(d, name, at)
	if !ok {
		return 1
	}
	for _, in := range d.includes {
		blocks += l.included(d, name, in)
	}
	return blocks
}

// included reads one file for the file called by.
func (l *loader) included(d *decoder, by string, in inclusion) int {
	name := path.Join(path.Dir(by), in.name)
	if problem := l.includeProblem(d, by, name, in); problem != nil {
		l.report(problem)
		return 1
	}
	d.files[name] = true
	d.by = by
	blocks, ok := l.file(d, name, &in.at)
	d.by = ""
	if !ok {
		return 1
	}
	if blocks == 0 {
		l.report(diag.Errorf(in.at, "Empty include", "%s declares nothing. What is included has at least one block.", name))
		return 1
	}
	return blocks
}

// includeProblem says why a file cannot be included.
func (l *loader) includeProblem(d *decoder, by, name string, in inclusion) hcl.Diagnostics {
	switch clean := path.Clean(in.name); {
	case path.IsAbs(clean), clean == "..", strings.HasPrefix(clean, "../"):
		return diag.Errorf(in.at, "Include from outside",
			"%q is not below the directory of %s. A pipeline or module includes only files next to it or further down, so that it stays whole when it is copied: %s. What several modules share is given to them as inputs.",
			in.name, by, includeForm)
	case name == path.Clean(by):
		return diag.Errorf(in.at, "File includes itself", "This is the name of the file that it stands in. Remove it.")
	case d.files[name]:
		return diag.Errorf(in.at, "File included twice",
			"%s is part of this module already: each file is included once, and all .hcl files of a module's directory belong to it anyway. Remove it here.", name)
	}
	info, err := fs.Stat(l.fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return diag.Errorf(in.at, "Included file not found", "There is no file %s.%s", name, l.nearFile(name, in.name))
	case err == nil && info.IsDir():
		return diag.Errorf(in.at, "Include of a directory",
			"%s is a directory. Name the files in it one by one, such as %s, or make it a module of its own.", name, includeForm)
	}
	return nil // what else may be wrong is found when it is read
}

// nearFile suggests the file that was probably meant.
func (l *loader) nearFile(name, written string) string {
	var names []string
	entries, err := fs.ReadDir(l.fsys, path.Dir(name))
	for _, e := range entries {
		if err == nil && !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	near := diag.Suggest(path.Base(name), names)
	if near == "" {
		return " Names are relative to the file that they stand in."
	}
	return " Did you mean \"" + dotted(path.Join(path.Dir(written), near)) + "\"?"
}
