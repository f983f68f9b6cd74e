package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
)

type undoFlags struct {
	runFlags
	selectFlags
	to string
}

func newUndoCmd(a *app) *cobra.Command {
	var flags undoFlags
	cmd := &cobra.Command{
		Use:   "undo PIPELINE",
		Short: "Take back what apply did, by its record",
		Long: "Removes everything that apply made, in reverse order, and goes on after a failure. It works from\n" +
			"what apply recorded, so the pipeline file may have changed or be gone.\n\n" +
			"With --to PHASE it takes back what was completed after PHASE, and leaves PHASE and all that it needs.\n\n" +
			"It exits with 0 when nothing is left, with 3 if something is: that stays recorded, and undo can be\n" +
			"run again." + selectHelp,
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error { return a.undo(cmd, args[0], flags) },
	}
	flags.runFlags.register(cmd)
	flags.selectFlags.register(cmd, "all that needs it", "all that it needs")
	cmd.Flags().StringVar(&flags.to, "to", "", "go back to when `PHASE` was completed")
	return cmd
}

func (a *app) undo(cmd *cobra.Command, path string, flags undoFlags) (err error) {
	if flags.to != "" && !flags.All() {
		return &usageError{errors.New("--to picks the phases by itself: leave out --target and --exclude")}
	}
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(cmd.Context()))) }()
	view := a.view(flags.json)
	defer view.close()
	stays := 0
	result, err := e.Undo(cmd.Context(), path, engine.UndoOptions{
		Parallelism: int(flags.parallelism), Sink: view, Now: a.signals.now, TakeOver: flags.takeOver,
		Wanted: flags.Selection, To: flags.to,
		LeftOut: func(addresses []string) {
			stays = len(addresses)
			a.leftOut(addresses)
		},
		Approve: func(ctx context.Context, steps []engine.UndoStep) error {
			if len(steps) == 0 && stays > 0 {
				fmt.Fprintln(a.err, "Nothing to undo: all that is recorded was left out.")
				return nil
			}
			if len(steps) == 0 {
				fmt.Fprintf(a.err, "Nothing to undo: nothing is recorded of %s under %s.\n", path, e.StateDir())
				return nil
			}
			if !flags.json {
				if err := a.writeUndoPlan(path, steps); err != nil {
					return err
				}
			}
			return a.approve(ctx, flags.runFlags, "Undo all this?")
		},
	})
	if result.Status == "" {
		return err
	}
	if err := view.finish(result.Status, err); err != nil {
		return err
	}
	return ofRun(result.Status)
}
