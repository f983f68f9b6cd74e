package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
)

func newGraphCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	var format string
	cmd := &cobra.Command{
		Use:   "graph PIPELINE",
		Short: "Print the DAG of a pipeline as dot, mermaid or json",
		Args:  onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := graphWriters()[format]
			if !ok {
				return &usageError{fmt.Errorf("there is no format %q; there are dot, mermaid and json", format)}
			}
			return a.withPipeline(cmd.Context(), args[0], flags, func(p *engine.Pipeline) error {
				return write(a.out, p.Program.Graph)
			})
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&format, "format", "dot", "`FORMAT`: dot, mermaid or json")
	return cmd
}
