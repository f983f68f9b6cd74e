package engine

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/expand"
)

const (
	varPrefix   = "CLUSTERFLOW_VAR_"
	autoVarGlob = "*.auto.hclvars"
)

// Variables collects the values of variables for a pipeline. Later sources win:
// the environment (CLUSTERFLOW_VAR_name), *.auto.hclvars beside the pipeline in
// the order of their names, varFiles in the order given, settings ("name=value").
// The files are returned for diagnostics.
func Variables(path string, settings, varFiles []string) (map[string]expand.VarInput, map[string]*hcl.File, hcl.Diagnostics) {
	vars := map[string]expand.VarInput{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if name, ok := strings.CutPrefix(name, varPrefix); ok {
			vars[name] = expand.VarInput{Raw: value, Source: varPrefix + name, Shared: true}
		}
	}
	auto, err := filepath.Glob(filepath.Join(filepath.Dir(path), autoVarGlob))
	if err != nil {
		return nil, nil, diag.FromError(err)
	}
	slices.Sort(auto)
	files := map[string]*hcl.File{}
	var diags hcl.Diagnostics
	for i, file := range append(auto, varFiles...) {
		values, more := readVars(file, files)
		diags = append(diags, more...)
		for name, value := range values {
			value.Shared = i < len(auto)
			vars[name] = value
		}
	}
	for _, setting := range settings {
		name, value, ok := strings.Cut(setting, "=")
		if !ok || name == "" {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Invalid --var",
				Detail: "--var takes NAME=VALUE, such as --var node_name=cp1, not " + `"` + setting + `".`,
			})
			continue
		}
		vars[name] = expand.VarInput{Raw: value, Source: "--var"}
	}
	return vars, files, diags
}

// ask has the values of sensitive variables typed that are needed and not given.
func (e *Engine) ask(ctx context.Context, declared map[string]*config.Variable, vars map[string]expand.VarInput) error {
	if e.opts.Ask == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		v := declared[name]
		if _, given := vars[name]; given || v.Default != cty.NilVal || !v.Sensitive && !v.Ephemeral {
			continue
		}
		text, err := e.opts.Ask(ctx, name, v.Description)
		if err != nil {
			return err
		}
		vars[name] = expand.VarInput{Raw: text, Source: "the terminal"}
	}
	return nil
}

// readVars reads a file of variables and adds its source to files.
func readVars(name string, files map[string]*hcl.File) (map[string]expand.VarInput, hcl.Diagnostics) {
	src, err := config.ReadFile(config.OS{}, name)
	if err != nil {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Variable file not readable",
			Detail: err.Error() + ". A variable file holds lines such as: node_name = \"cp1\"",
		}}
	}
	files[name] = &hcl.File{Bytes: src}
	if len(bytes.TrimSpace(src)) == 0 {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Empty variable file",
			Detail: name + " is empty: it may have been cut short. A variable file holds lines such as: node_name = \"cp1\"",
		}}
	}
	return expand.ParseVarFile(src, name)
}
