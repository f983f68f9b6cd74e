package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
)

func newValidateCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	cmd := &cobra.Command{
		Use:   "validate PIPELINE",
		Short: "Check a pipeline without looking at the host",
		Args:  onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPipeline(cmd.Context(), args[0], flags, func(p *engine.Pipeline) error {
				if diags := p.Validate(cmd.Context()); diags.HasErrors() {
					return &invalidError{diags: diags, files: p.Files}
				}
				fmt.Fprintf(a.out, "%s is valid: %d phases.\n", p.Path, len(p.Program.Nodes))
				return nil
			})
		},
	}
	flags.register(cmd)
	return cmd
}
