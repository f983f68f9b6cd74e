package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
)

type applyFlags struct {
	pipelineFlags
	runFlags
	failFast bool
	rerun    []string
}

// runFlags are those of the commands that change a host.
type runFlags struct {
	autoApprove bool
	json        bool
	parallelism int
}

func (f *runFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&f.json, "json", false, "write events as JSON lines")
	cmd.Flags().IntVar(&f.parallelism, "parallelism", 0, "run `N` phases at once (default: five for each CPU)")
}

func newApplyCmd(a *app) *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply PIPELINE",
		Short: "Bring a host to what a pipeline says",
		Long: "Shows what would be done, asks, and does it. What was done is remembered: after a failure or an\n" +
			"interruption, apply goes on where it stopped, and a second apply changes nothing.",
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPipeline(cmd.Context(), args[0], flags.pipelineFlags, func(p *engine.Pipeline) error {
				return a.apply(cmd, p, flags)
			})
		},
	}
	flags.pipelineFlags.register(cmd)
	flags.runFlags.register(cmd)
	cmd.Flags().BoolVar(&flags.failFast, "fail-fast", false, "start nothing more after the first failure")
	cmd.Flags().StringArrayVar(&flags.rerun, "rerun", nil, "run `PHASE` again although nobody knows how it ended; may be repeated")
	return cmd
}

func (a *app) apply(cmd *cobra.Command, p *engine.Pipeline, flags applyFlags) error {
	view := a.view(flags.json)
	defer view.close()
	result, known, err := p.Apply(cmd.Context(), engine.ApplyOptions{
		Parallelism: flags.parallelism, FailFast: flags.failFast, Rerun: flags.rerun,
		Sink: view, Now: a.signals.now,
		Approve: func(planned *plan.Plan) error {
			if !flags.json {
				if err := a.writePlan(a.err, p.Path, planned); err != nil {
					return err
				}
			}
			if !planned.HasChanges() {
				return nil
			}
			return a.approve(flags.autoApprove, "Apply these changes?")
		},
	})
	if err != nil {
		return err
	}
	if len(result.Counts) > 0 { // else nothing ran
		if err := view.finish(); err != nil {
			return err
		}
	}
	if !flags.json && (result.Status == event.RunSucceeded || result.Status == event.RunDegraded) {
		if err := a.showOutputs(p, known); err != nil {
			return err
		}
	}
	return ofRun(result.Status)
}

// approve asks the user, unless told not to.
func (a *app) approve(auto bool, question string) error {
	if auto {
		return nil
	}
	file, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &usageError{errors.New("there is no terminal to ask on; look at the plan above, then add --auto-approve")}
	}
	fmt.Fprintf(a.err, "\n%s Only \"yes\" is a yes: ", question)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return engine.ErrDeclined
	}
	return nil
}
