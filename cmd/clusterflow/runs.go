package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
	"github.com/clusterflow/clusterflow/sdk"
)

func newRunsCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "runs [PIPELINE]",
		Short: "List the last runs, and the one that goes on",
		Long: "Lists the runs that changed something, newest first, of one pipeline or of all. The last twenty of each\n" +
			"pipeline are kept, as long as something is recorded of it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEngine(cmd.Context(), func(e *engine.Engine) error {
				runs, err := e.Runs(first(args))
				if err != nil {
					return err
				}
				lines := make([]report.RunLine, 0, len(runs))
				for _, r := range runs {
					lines = append(lines, runLine(r))
				}
				if asJSON {
					return writeJSON(a.out, lines)
				}
				if len(lines) == 0 {
					fmt.Fprintf(a.err, "There are no runs under %s.\n", e.StateDir())
				}
				opts := a.reportOptions()
				opts.Color = a.color(a.out)
				return report.WriteRuns(a.out, lines, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// withEngine hands an engine to do, and ends it.
func (a *app) withEngine(ctx context.Context, do func(*engine.Engine) error) (err error) {
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	return do(e)
}

func runLine(r engine.RecordedRun) report.RunLine {
	line := report.RunLine{ID: r.ID, Pipeline: r.Pipeline, Operation: r.Started.Operation, Began: r.Began, Status: "cut off"}
	switch {
	case r.Ended != nil:
		line.Status, line.Took, line.Counts = string(r.Ended.Status), r.Ended.Duration.Std(), r.Ended.Counts
	case r.Owner.PID != 0:
		line.Status, line.Took, line.PID = "running", time.Since(r.Began), r.Owner.PID
		line.Note = fmt.Sprintf("pid %d, clusterflow attach %s", r.Owner.PID, r.Pipeline)
	}
	line.Seconds = event.Duration(line.Took)
	return line
}

func newAttachCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "attach [PIPELINE]",
		Short: "Watch a run that goes on, such as one whose terminal was lost",
		Long: "Shows a run that goes on on this host as if it had been started here, from its beginning. Ctrl-C ends the\n" +
			"watching, not the run.\n\n" +
			"It exits as apply would, and with 0 when it does not wait for the end.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEngine(cmd.Context(), func(e *engine.Engine) error { return a.attach(cmd.Context(), e, first(args), asJSON) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write events as JSON lines")
	return cmd
}

func (a *app) attach(ctx context.Context, e *engine.Engine, path string, asJSON bool) error {
	runs, err := e.Runs(path)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Owner.PID != 0 {
			return a.follow(ctx, e, r, asJSON)
		}
	}
	what := cmp.Or(path, "this host")
	return sdk.Hint(fmt.Errorf("attach: no run goes on of %s under %s", what, e.StateDir()), "What was there: clusterflow runs")
}

func (a *app) follow(ctx context.Context, e *engine.Engine, r engine.RecordedRun, asJSON bool) error {
	view := a.view(asJSON)
	defer view.close()
	status, err := e.Follow(ctx, r, view)
	switch {
	case err != nil:
		return err
	case status != "":
		return errors.Join(view.finish(status, nil), ofRun(status))
	case ctx.Err() != nil:
		view.close()
		fmt.Fprintf(a.err, "Detached. The run goes on: clusterflow attach %s\n", r.Pipeline)
		return nil
	}
	view.close()
	return sdk.Hint(fmt.Errorf("run %s was cut off: its process ended", r.ID), "Run the same command again: it goes on from what is recorded.")
}
