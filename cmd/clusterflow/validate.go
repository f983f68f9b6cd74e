package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
)

func newValidateCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	cmd := &cobra.Command{
		Use:   "validate PIPELINE",
		Short: "Check a pipeline without looking at the host",
		Long: "Checks syntax, names, types and what plugins know of their phases. It starts plugins, but none of them\n" +
			"looks at the host or changes anything. It exits with 4 if there is a mistake.",
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPipeline(cmd.Context(), args[0], flags, func(ctx context.Context, p *engine.Pipeline) error {
				diags := p.Validate(ctx)
				if diags.HasErrors() {
					return &sourceError{diags: diags, files: p.Files, code: exitInvalid}
				}
				a.writeDiagnostics(p.Files, diags)
				phases := "1 phase"
				if n := len(p.Program.Nodes); n != 1 {
					phases = fmt.Sprintf("%d phases", n)
				}
				_, err := fmt.Fprintf(a.out, "%s is valid: %s.\n", p.Path, phases)
				return err
			})
		},
	}
	flags.register(cmd)
	return cmd
}
