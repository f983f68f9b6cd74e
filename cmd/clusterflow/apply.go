package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/planfile"
)

type applyFlags struct {
	pipelineFlags
	selectFlags
	runFlags
	failFast bool
	rerun    []string
	planFile string
}

// runFlags are those of the commands that change a host.
type runFlags struct {
	autoApprove bool
	json        bool
	parallelism uint
	takeOver    bool
}

func (f *runFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&f.json, "json", false, "write events as JSON lines")
	cmd.Flags().UintVar(&f.parallelism, "parallelism", 0, "run `N` phases at once (default: five for each CPU)")
	cmd.Flags().BoolVar(&f.takeOver, "take-over", false, "stop a run that goes on on this host, of this or another pipeline, and go on in its place")
}

func newApplyCmd(a *app) *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply PIPELINE|PLANFILE",
		Short: "Bring a host to what a pipeline says",
		Long: "Shows what would be done, asks, and does it. What was done is remembered: after a failure or an\n" +
			"interruption, apply goes on where it stopped, and a second apply changes nothing.\n\n" +
			"Ctrl-C stops it in good order; a second one does not wait for phases to stop by themselves, a third\n" +
			"one ends clusterflow at once. What was done is remembered in any case.\n\n" +
			"A plan that was kept by `clusterflow plan --out FILE.cfplan` is carried out without asking, but only if it\n" +
			"still holds: when a source, a plugin, the record or what a phase would do differs from the plan, nothing\n" +
			"is done. Phases that the plan decides later are not compared.\n\n" +
			"It exits with 0 when all is as the pipeline says, with 1 after a failure, 3 if only phases failed\n" +
			"that may (on_error = \"continue\"), 4 if the pipeline or the command line is wrong, 130 if stopped." + selectHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.planFile != "" && len(args) == 0 {
				return nil
			}
			return onePipeline(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a.warm = true
			if file, ok := flags.plan(args); ok {
				return a.applyPlan(ctx, file, flags)
			}
			return a.withSelected(ctx, args[0], flags.pipelineFlags, flags.selectFlags, func(ctx context.Context, p *engine.Pipeline) error {
				resume, err := a.resumeLine(args[0], flags)
				if err != nil {
					return err
				}
				return a.apply(ctx, p, nil, flags, resume)
			})
		},
	}
	flags.pipelineFlags.register(cmd)
	flags.selectFlags.register(cmd, "all that it needs", "all that needs it")
	flags.runFlags.register(cmd)
	cmd.Flags().BoolVar(&flags.failFast, "fail-fast", false, "start nothing more after the first failure")
	cmd.Flags().StringVar(&flags.planFile, "plan", "", "carry out the plan that is in `FILE`, whatever its name")
	cmd.Flags().StringArrayVar(&flags.rerun, "rerun", nil, "run `PHASE` again although nobody knows how it ended; may be repeated")
	return cmd
}

// apply carries out a plan that is kept, or one that it makes and shows.
// Resume is the command line that goes on with it after a boot, if there is one.
func (a *app) apply(ctx context.Context, p *engine.Pipeline, kept *planfile.File, flags applyFlags, resume []string) error {
	view := a.view(flags.json)
	defer view.close()
	result, known, err := p.Apply(ctx, engine.ApplyOptions{
		Parallelism: int(flags.parallelism), FailFast: flags.failFast, Rerun: flags.rerun, Planned: kept,
		Sink: view, Now: a.signals.now, TakeOver: flags.takeOver, Resume: resume,
		Approve: func(ctx context.Context, planned *plan.Plan) error {
			view.quiet = !planned.HasChanges()
			if !flags.json {
				if err := a.writePlan(a.err, p.Path, planned); err != nil {
					return err
				}
			}
			if view.quiet || kept != nil {
				return nil
			}
			return a.approve(ctx, flags.runFlags, "Apply these changes?")
		},
	})
	if result.Status != "" {
		err = view.finish(result.Status, err)
	}
	if err != nil {
		return err
	}
	if !flags.json && (result.Status == event.RunSucceeded || result.Status == event.RunDegraded) {
		if err := a.showEnd(p, known, !view.quiet); err != nil {
			return err
		}
	}
	return ofRun(result.Status)
}

// showEnd shows the outputs, and how to undo what was done, if anything was and
// can be.
func (a *app) showEnd(p *engine.Pipeline, known plan.Outcomes, done bool) error {
	if err := a.showOutputs(p, known); err != nil {
		return err
	}
	if done && !p.Forgets() {
		fmt.Fprintf(a.err, "To take it all back: clusterflow undo %s%s\n", p.Path, a.stateDirFlag())
	}
	return nil
}

// approve asks the user, unless told not to.
func (a *app) approve(ctx context.Context, flags runFlags, question string) error {
	if flags.autoApprove {
		return nil
	}
	if flags.json {
		return &usageError{errors.New("--json asks no questions: look at the plan without it, then add --auto-approve")}
	}
	if terminal(a.in) == nil {
		return &usageError{errors.New("there is no terminal to ask on: look at the plan above, then add --auto-approve")}
	}
	fmt.Fprintf(a.err, "\n%s Only \"yes\" is a yes: ", question)
	answer, err := a.readLine(ctx)
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		return engine.ErrDeclined
	}
	return nil
}

// readLine reads what the user types, or returns the cause of ctx when that ends
// first; then the read is left behind, for nothing can end it.
func (a *app) readLine(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(a.in).ReadString('\n')
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		if l.err != nil && !errors.Is(l.err, io.EOF) {
			return "", fmt.Errorf("read answer: %w", l.err)
		}
		return l.text, nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return "", context.Cause(ctx)
	}
}
