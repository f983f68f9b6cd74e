package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/graph"
)

func newGraphCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	var wanted selectFlags
	var format string
	cmd := &cobra.Command{
		Use:   "graph PIPELINE",
		Short: "Print the DAG of a pipeline as dot, mermaid or json",
		Long: "Prints the phases of a pipeline and what they need, without looking at the host. Edges lead from what\n" +
			"is needed to what needs it; in drawings those are left out that a longer path implies.",
		Example: "  clusterflow graph init.hcl | dot -Tsvg > init.svg",
		Args:    onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			writers := graphWriters()
			write, ok := writers[format]
			if !ok {
				known := slices.Sorted(maps.Keys(writers))
				return &usageError{fmt.Errorf("there is no format %q.%s %s", format, diag.DidYouMean(format, known), diag.Names("formats", known))}
			}
			return a.withSelected(cmd.Context(), args[0], flags, wanted, func(_ context.Context, p *engine.Pipeline) error {
				return write(a.out, p.Program.Graph)
			})
		},
	}
	flags.register(cmd)
	wanted.register(cmd, "all that it needs", "all that needs it")
	cmd.Flags().StringVar(&format, "format", "dot", "draw as `FORMAT`: dot, mermaid or json")
	return cmd
}

func graphWriters() map[string]func(io.Writer, *graph.Graph) error {
	return map[string]func(io.Writer, *graph.Graph) error{
		"dot": graph.WriteDOT, "mermaid": graph.WriteMermaid, "json": graph.WriteJSON,
	}
}
