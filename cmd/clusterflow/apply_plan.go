package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/planfile"
	"github.com/clusterflow/clusterflow/pipelines"
	"github.com/clusterflow/clusterflow/sdk"
)

func isPlanFile(name string) bool { return filepath.Ext(name) == planfile.Extension }

// plan returns the plan file that is to be applied, if there is one.
func (f *applyFlags) plan(args []string) (string, bool) {
	if f.planFile == "" && isPlanFile(args[0]) {
		return args[0], true
	}
	return f.planFile, f.planFile != ""
}

// applyPlan carries out a plan that is kept in a file.
func (a *app) applyPlan(ctx context.Context, path string, flags applyFlags) (err error) {
	if !flags.All() {
		return &usageError{errors.New("--target and --exclude belong to clusterflow plan: the plan file says which phases it is about")}
	}
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	file, err := e.OpenPlan(path)
	if err != nil {
		return &usageError{err}
	}
	from := source{config.OS{}, file.Pipeline}
	if file.BuiltIn {
		from.files = pipelines.Files()
	}
	vars, files, diags := engine.Variables(from.path, flags.vars, flags.varFiles)
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: files, code: exitInvalid}
	}
	p, diags, err := e.LoadPlan(ctx, from.files, file, vars)
	if err != nil {
		return stale(path, file, err)
	}
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: p.Files, code: exitInvalid}
	}
	a.writeDiagnostics(p.Files, diags)
	return stale(path, file, inSource(a.apply(ctx, p, file, flags, nil), p))
}

// stale adds what to do to the error that says that a plan does not hold.
func stale(path string, file *planfile.File, err error) error {
	var old *planfile.StaleError
	var variable *planfile.VariableError
	switch {
	case errors.As(err, &old):
		return &usageError{sdk.Hint(err, "Nothing was done. Make a new plan as this one was made, and look at it: clusterflow plan "+file.Pipeline+" … --out "+path)}
	case errors.As(err, &variable):
		return &usageError{err}
	default:
		return err
	}
}
