package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/graph"
	"github.com/clusterflow/clusterflow/engine/report"
)

func newGraphCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	var wanted selectFlags
	var format string
	var planned bool
	cmd := &cobra.Command{
		Use:   "graph PIPELINE",
		Short: "Draw the DAG of a pipeline, and what apply would do with it",
		Long: "Prints the phases of a pipeline and what they need, without looking at the host. Edges lead from what\n" +
			"is needed to what needs it; in drawings those are left out that a longer path implies. With --plan it\n" +
			"looks at the host and shows what apply would do with each phase.",
		Example: "  clusterflow graph init.hcl\n  clusterflow graph init.hcl --plan --format svg > init.svg",
		Args:    onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := a.graphWriter(format)
			if err != nil {
				return err
			}
			return a.withSelected(cmd.Context(), args[0], flags, wanted, func(ctx context.Context, p *engine.Pipeline) error {
				g := p.Program.Graph
				if planned {
					if g, err = withPlan(ctx, p); err != nil {
						return err
					}
				}
				return write(a.out, g)
			})
		},
	}
	flags.register(cmd)
	wanted.register(cmd, "all that it needs", "all that needs it")
	cmd.Flags().StringVar(&format, "format", "", "draw as `FORMAT`: ascii, dot, json, mermaid or svg (default: ascii on a\n"+
		"terminal, else dot)")
	cmd.Flags().BoolVar(&planned, "plan", false, "look at the host and show what apply would do with each phase")
	return cmd
}

type graphWriter = func(io.Writer, *graph.Graph) error

func (a *app) graphWriter(format string) (graphWriter, error) {
	if format == "" {
		format = "dot"
		if file, ok := a.out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
			format = "ascii"
		}
	}
	writers := graphWriters()
	write, ok := writers[format]
	if !ok {
		known := slices.Sorted(maps.Keys(writers))
		return nil, &usageError{fmt.Errorf("there is no format %q.%s %s", format, diag.DidYouMean(format, known), diag.Names("formats", known))}
	}
	return write, nil
}

func graphWriters() map[string]graphWriter {
	return map[string]graphWriter{
		"ascii": graph.WriteASCII, "dot": graph.WriteDOT, "json": graph.WriteJSON,
		"mermaid": graph.WriteMermaid, "svg": graph.WriteSVG,
	}
}

// withPlan plans a pipeline and returns its graph with what apply would do.
func withPlan(ctx context.Context, p *engine.Pipeline) (*graph.Graph, error) {
	planned, err := p.Plan(ctx)
	if err != nil {
		return nil, err
	}
	out := toReport(p.Path, planned)
	notes := make(map[string]graph.Note, len(out.Nodes))
	for _, n := range out.Nodes {
		notes[n.Address] = planNote(n)
	}
	return p.Program.Graph.Annotate(out.Totals(), func(id string) graph.Note { return notes[id] }), nil
}

// planNote says in a drawing what apply would do with a phase: the number of
// changes of each kind, in the colour of the strongest.
func planNote(n report.PlanNode) graph.Note {
	note := graph.Note{Action: string(n.Action)}
	switch n.Action {
	case report.None:
		note.Mark, note.Tone, note.Text = "=", graph.Quiet, "unchanged"
	case report.Skip:
		note.Mark, note.Tone, note.Text = ".", graph.Quiet, "skip"
	case report.Later:
		note.Mark, note.Tone, note.Text = "?", graph.Later, "decided later"
	case report.Apply:
		note.Counts = map[string]int{}
		for _, c := range n.Changes {
			note.Counts[string(c.Op)]++
		}
		var parts []string
		for _, op := range []struct {
			op   event.Op
			mark string
			tone graph.Tone
		}{
			{event.OpRun, ">", graph.Act}, {event.OpCreate, "+", graph.Add}, {event.OpUpdate, "~", graph.Change}, {event.OpDelete, "-", graph.Remove},
		} {
			if count := note.Counts[string(op.op)]; count > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", count, op.op))
				note.Mark, note.Tone = op.mark, op.tone
			}
		}
		note.Text = strings.Join(parts, ", ")
	}
	return note
}
