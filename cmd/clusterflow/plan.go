package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
)

func newPlanCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	var wanted selectFlags
	var detailed, asJSON bool
	var out string
	cmd := &cobra.Command{
		Use:   "plan PIPELINE",
		Short: "Show what apply would do, without doing it",
		Long: "Looks at the host and prints what apply would change, and why. Phases whose inputs come from others that\n" +
			"have to be applied first are decided later.\n\n" +
			"It exits with 0, with 1 if a phase cannot be planned, 4 if the pipeline or the command line is wrong; with\n" +
			"--detailed-exitcode also with 2 if there are changes.\n\n" +
			"With --out the plan is kept in a file for apply. The file holds no secrets; who runs apply must give the\n" +
			"sensitive variables again." + selectHelp,
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.warm = true
			return a.withSelected(cmd.Context(), args[0], flags, wanted, func(ctx context.Context, p *engine.Pipeline) error {
				planned, err := a.plan(ctx, p, out)
				if err != nil {
					return err
				}
				if asJSON {
					err = a.writePlanJSON(planned)
				} else {
					err = a.writePlan(a.out, p.Path, planned)
				}
				if err != nil {
					return err
				}
				if detailed && planned.HasChanges() {
					return &statusError{exitChanges}
				}
				return nil
			})
		},
	}
	flags.register(cmd)
	wanted.register(cmd, "all that it needs", "all that needs it")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if there are changes")
	cmd.Flags().StringVar(&out, "out", "", "also keep the plan in `FILE`, for clusterflow apply FILE")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// plan looks at the host, and keeps the plan in a file if there is a name for one.
func (a *app) plan(ctx context.Context, p *engine.Pipeline, out string) (*plan.Plan, error) {
	if out == "" {
		return p.Plan(ctx)
	}
	planned, err := p.PlanTo(ctx, out)
	if err != nil {
		return nil, err
	}
	how := out
	if !isPlanFile(out) {
		how = "--plan " + out
	}
	fmt.Fprintf(a.err, "The plan is in %s. To do just that: clusterflow apply %s\n", out, how)
	return planned, nil
}

// planJSON is the form of `clusterflow plan --json`, one object.
type planJSON struct {
	Phases []phaseJSON `json:"phases"`
	// Left are phases that earlier runs made and that are not wanted any more.
	Left []string `json:"left,omitempty"`
	// Forget says that their records are dropped when all succeeded.
	Forget bool `json:"forget,omitempty"`
}

type phaseJSON struct {
	Address string         `json:"address"`
	Type    string         `json:"type"`
	Action  plan.Action    `json:"action"`
	Reason  string         `json:"reason,omitempty"`
	After   []string       `json:"after,omitempty"`
	Changes []event.Change `json:"changes,omitempty"`
	// Warnings are what the plugin wants to be known before it is applied.
	Warnings []event.Problem `json:"warnings,omitempty"`
}

func (a *app) writePlanJSON(planned *plan.Plan) error {
	out := planJSON{Phases: []phaseJSON{}, Left: planned.Left, Forget: planned.Forget}
	for _, s := range planned.Steps {
		out.Phases = append(out.Phases, phaseJSON{
			Address: s.Address, Type: s.Ref.Plugin + "." + s.Ref.Type.Name, Action: s.Action,
			Reason: s.Reason, After: s.After, Changes: plan.Changes(s.Changes), Warnings: warnings(s.Diagnostics),
		})
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("print plan: %w", err)
	}
	_, err = fmt.Fprintln(a.out, string(text))
	return err
}
