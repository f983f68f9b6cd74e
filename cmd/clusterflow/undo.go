package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/state"
)

type undoFlags struct {
	runFlags
	selectFlags
}

func newUndoCmd(a *app) *cobra.Command {
	var flags undoFlags
	cmd := &cobra.Command{
		Use:   "undo PIPELINE",
		Short: "Take back what apply did, by its record",
		Long: "Removes everything that apply made, in reverse order, and goes on after a failure. It works from\n" +
			"what apply recorded, so the pipeline file may have changed or be gone.\n\n" +
			"It exits with 0 when nothing is left, with 3 if something is: that stays recorded, and undo can be\n" +
			"run again." + selectHelp,
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error { return a.undo(cmd, args[0], flags) },
	}
	flags.runFlags.register(cmd)
	flags.selectFlags.register(cmd, "all that needs it", "all that it needs")
	return cmd
}

func (a *app) undo(cmd *cobra.Command, path string, flags undoFlags) (err error) {
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
		Wanted: flags.Selection,
		LeftOut: func(addresses []string) {
			stays = len(addresses)
			a.leftOut(addresses)
		},
		Approve: func(ctx context.Context, nodes []*state.Node) error {
			if len(nodes) == 0 && stays > 0 {
				fmt.Fprintln(a.err, "Nothing to undo: all that is recorded was left out.")
				return nil
			}
			if len(nodes) == 0 {
				fmt.Fprintf(a.err, "Nothing to undo: nothing is recorded of %s under %s.\n", path, e.StateDir())
				return nil
			}
			if !flags.json {
				if err := a.writeUndoPlan(path, nodes); err != nil {
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
