package main

import (
	"context"
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/plan"
)

// pipelineFlags are those of every command that loads a pipeline.
type pipelineFlags struct {
	vars     []string
	varFiles []string
	ask      []string
}

func (f *pipelineFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.vars, "var", nil, "set a variable, `NAME=VALUE`; may be repeated")
	cmd.Flags().StringArrayVar(&f.varFiles, "var-file", nil, "set variables from `FILE`; may be repeated")
	cmd.Flags().StringArrayVar(&f.ask, "ask", nil, "ask for the variable `NAME` on the terminal, without showing it; may be repeated")
}

// onePipeline is the argument check of commands that take a pipeline file.
func onePipeline(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("name a pipeline file, such as pipelines/embedded.hcl")
	case 1:
		return nil
	default:
		return errors.New("name one pipeline file only")
	}
}

// withPipeline loads a pipeline, hands it to do, and ends all plugins after it.
func (a *app) withPipeline(
	ctx context.Context, name string, flags pipelineFlags, do func(context.Context, *engine.Pipeline) error,
) (err error) {
	from, err := a.source(name)
	if err != nil {
		return err
	}
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	vars, files, diags := engine.Variables(from.path, flags.vars, flags.varFiles)
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: files, code: exitInvalid}
	}
	if err := a.ask(ctx, flags.ask, vars); err != nil {
		return err
	}
	p, more := e.LoadFrom(ctx, from.files, from.path, vars)
	diags = append(diags, more...)
	for name, file := range files {
		p.Files[name] = file
	}
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: p.Files, code: exitInvalid}
	}
	a.writeDiagnostics(p.Files, diags)
	return inSource(do(ctx, p), p)
}

// inSource adds the sources of a pipeline to an error that has a place in them.
func inSource(err error, p *engine.Pipeline) error {
	var invalid *plan.InvalidError
	var placed hcl.Diagnostics
	switch {
	case errors.As(err, &invalid):
		return &sourceError{diags: invalid.Diagnostics, files: p.Files, code: exitInvalid}
	case errors.As(err, &placed):
		return &sourceError{diags: placed, files: p.Files, code: exitFailed}
	}
	return err
}
