package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
	"github.com/clusterflow/clusterflow/engine/state"
)

func newShowCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show PIPELINE",
		Short: "Show what is recorded of a pipeline",
		Long: "Prints the last run and every phase that may have left something on the host: how its last attempt\n" +
			"went, how long it took, when it ended, and what went wrong.\n\n" +
			"It reads the record only: neither the host nor the pipeline, so the file may have changed or be gone,\n" +
			"and a run may go on meanwhile. What differs from the pipeline shows `clusterflow plan`.",
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) show(ctx context.Context, path string, asJSON bool) (err error) {
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	recorded, err := e.State(path)
	if err != nil {
		return err
	}
	out := record(recorded)
	out.Pipeline, out.StateDir = e.StateName(path), e.StateDir()
	switch {
	case asJSON:
		return writeJSON(a.out, out)
	case out.Run.ID == "":
		known, err := e.Recorded()
		if err != nil {
			return err
		}
		fmt.Fprintf(a.err, "Nothing is recorded of %s under %s.%s %s\n", out.Pipeline, e.StateDir(),
			diag.DidYouMean(out.Pipeline, known), diag.Names("recorded pipelines", known))
		return nil
	}
	opts := a.reportOptions()
	opts.Color = a.color(a.out)
	return report.WriteRecord(a.out, out, opts)
}

// record is a state as it is shown.
func record(s *state.State) report.Record {
	run := s.Run
	out := report.Record{Nodes: []report.RecordedNode{}}
	if run.ID != "" {
		out.Run = report.RecordedRun{
			ID: run.ID, Operation: run.Operation, File: run.Pipeline, Engine: run.Engine,
			Started: run.Started, Ended: run.Ended, Status: run.Status, Counts: run.Counts,
		}
	}
	if !run.Ended.IsZero() {
		out.Run.Duration = event.Duration(run.Ended.Sub(run.Started))
	}
	if s.Damage != nil {
		out.Damage = strings.TrimSpace(s.Damage.String())
	}
	for _, address := range s.Addresses() {
		out.Nodes = append(out.Nodes, recordedNode(s.Nodes[address]))
	}
	return out
}

func recordedNode(n *state.Node) report.RecordedNode {
	node := report.RecordedNode{
		Address: n.Address, Type: n.Type, Status: string(n.Status), Run: n.Run, Attempt: n.Attempt,
		Started: n.Started, Ended: n.Ended, Took: event.Duration(n.Took), Problem: n.Problem, Leftovers: n.Leftovers,
	}
	if n.Success != nil {
		node.Succeeded = n.Success.Time
	}
	return node
}

// writeJSON prints a value as indented JSON.
func writeJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
