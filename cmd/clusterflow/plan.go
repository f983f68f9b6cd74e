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
	cmd := &cobra.Command{
		Use:   "plan PIPELINE",
		Short: "Show what apply would do, without doing it",
		Long: "Looks at the host and prints what apply would change, and why. Phases whose inputs come from others that\n" +
			"have to be applied first are decided later." + selectHelp,
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSelected(cmd.Context(), args[0], flags, wanted, func(ctx context.Context, p *engine.Pipeline) error {
				planned, err := p.Plan(ctx)
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// planJSON is the form of `clusterflow plan --json`, one object.
type planJSON struct {
	Phases []phaseJSON `json:"phases"`
}

type phaseJSON struct {
	Address string         `json:"address"`
	Type    string         `json:"type"`
	Action  plan.Action    `json:"action"`
	Reason  string         `json:"reason,omitempty"`
	After   []string       `json:"after,omitempty"`
	Changes []event.Change `json:"changes,omitempty"`
}

func (a *app) writePlanJSON(planned *plan.Plan) error {
	out := planJSON{Phases: []phaseJSON{}}
	for _, s := range planned.Steps {
		out.Phases = append(out.Phases, phaseJSON{
			Address: s.Address, Type: s.Ref.Plugin + "." + s.Ref.Type.Name, Action: s.Action,
			Reason: s.Reason, After: s.After, Changes: plan.Changes(s.Changes),
		})
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("print plan: %w", err)
	}
	_, err = fmt.Fprintln(a.out, string(text))
	return err
}
