package main

import (
	"context"
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
)

// pipelineFlags are those of every command that loads a pipeline.
type pipelineFlags struct {
	vars     []string
	varFiles []string
}

func (f *pipelineFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.vars, "var", nil, "set a variable, `NAME=VALUE`; may be repeated")
	cmd.Flags().StringArrayVar(&f.varFiles, "var-file", nil, "set variables from `FILE`; may be repeated")
}

// onePipeline is the argument check of commands that take a pipeline file.
func onePipeline(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &usageError{errors.New("name a pipeline file, such as pipelines/embedded.hcl")}
	case 1:
		return nil
	default:
		return &usageError{errors.New("name one pipeline file only")}
	}
}

// withPipeline loads a pipeline, hands it to do, and ends all plugins after it.
func (a *app) withPipeline(
	ctx context.Context, path string, flags pipelineFlags, do func(*engine.Pipeline) error,
) (err error) {
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	vars, files, diags := engine.Variables(path, flags.vars, flags.varFiles)
	if diags.HasErrors() {
		return &invalidError{diags: diags, files: files}
	}
	p, more := e.Load(ctx, path, vars)
	diags = append(diags, more...)
	for name, file := range files {
		p.Files[name] = file
	}
	if diags.HasErrors() {
		return &invalidError{diags: diags, files: p.Files}
	}
	if len(diags) > 0 {
		a.writeDiagnostics(p.Files, diags)
	}
	return inSource(do(p), p.Files)
}

// inSource gives an error that has a place in the pipeline the sources to show it
// in.
func inSource(err error, files map[string]*hcl.File) error {
	var placed hcl.Diagnostics
	var invalid *invalidError
	if errors.As(err, &placed) && !errors.As(err, &invalid) {
		return &placedError{diags: placed, files: files}
	}
	return err
}
