package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine/faults"
)

type testFlags struct {
	pipelineFlags
	runFlags
	faults bool
	points uint
}

func newTestCmd(a *app) *cobra.Command {
	flags := testFlags{points: 20}
	cmd := &cobra.Command{
		Use:   "test PIPELINE",
		Short: "Try out on this host whether a pipeline survives faults",
		Long: "For authors of plugins. Applies the pipeline on this host, plans it again, which must find nothing to do, and\n" +
			"undoes it. With --faults it does this many times over: it kills the apply at one event after the other, then\n" +
			"interrupts it there, and each time demands that the next apply finishes, that no phase that was done runs\n" +
			"again, that a plan finds nothing to do, and that undo leaves nothing.\n\n" +
			"It keeps a state of its own and uses nothing of an earlier one, but it changes this host: use one that may break.\n\n" +
			"It exits with 0 when all holds, else with 1.",
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error { return a.test(cmd.Context(), args[0], flags) },
	}
	flags.pipelineFlags.register(cmd)
	cmd.Flags().BoolVar(&flags.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&flags.faults, "faults", false, "kill and interrupt it at its events")
	cmd.Flags().UintVar(&flags.points, "points", flags.points, "disturb it at `N` of its events, evenly spread; 0 for all")
	return cmd
}

func (a *app) test(ctx context.Context, path string, flags testFlags) (err error) {
	question := fmt.Sprintf("Apply and undo %s on this host, again and again?", path)
	if err := a.approve(ctx, flags.runFlags, question); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find clusterflow: %w", err)
	}
	dir, err := os.MkdirTemp("", "clusterflow-test-")
	if err != nil {
		return fmt.Errorf("make a state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	line := func(command string, more ...string) []string {
		argv := []string{self, command, path, "--state-dir", filepath.Join(dir, "state"), "--no-color"}
		if command != "undo" {
			for _, v := range flags.vars {
				argv = append(argv, "--var", v)
			}
			for _, f := range flags.varFiles {
				argv = append(argv, "--var-file", f)
			}
		}
		return append(argv, more...)
	}
	p := &faults.Prover{
		Host:   faults.Local{},
		Apply:  line("apply", "--auto-approve", "--json"),
		Plan:   line("plan", "--detailed-exitcode"),
		Undo:   line("undo", "--auto-approve", "--json"),
		Points: int(flags.points), Out: a.out,
	}
	prove := p.Calm
	if flags.faults {
		prove = p.Run
	}
	return prove(ctx)
}
