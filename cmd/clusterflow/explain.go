package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/report"
)

func newExplainCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	cmd := &cobra.Command{
		Use:   "explain PIPELINE PHASE",
		Short: "Say why a phase ran, waited, was skipped, or would run",
		Long: "Tells what the last run did with a phase: why it ran and which inputs had changed, what it waited for and\n" +
			"how long, which attempts failed and how. Then how it is recorded, and what apply would do with it now.\n\n" +
			"Sensitive values are masked.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a pipeline file and a phase, such as: clusterflow explain init.hcl phase.etcd")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPipeline(cmd.Context(), args[0], flags, func(ctx context.Context, p *engine.Pipeline) error {
				return a.explain(ctx, p, args[1])
			})
		},
	}
	flags.register(cmd)
	return cmd
}

func (a *app) explain(ctx context.Context, p *engine.Pipeline, address string) error {
	known, err := p.Explain(ctx, address)
	var unknown *engine.UnknownPhaseError
	if errors.As(err, &unknown) || known.Node == nil && known.Recorded == nil {
		return err
	}
	opts := a.reportOptions()
	opts.Color = a.color(a.out)
	return errors.Join(report.WriteExplanation(a.out, explanation(address, known), opts), err)
}

func explanation(address string, known engine.Explained) report.Explanation {
	out := report.Explanation{Address: address, Past: known.Past}
	if r := known.Recorded; r != nil {
		node := recordedNode(r)
		out.Recorded, out.Type = &node, r.Type
		for _, d := range r.Depends {
			out.Needs = append(out.Needs, report.Need{Address: d})
		}
	}
	if n := known.Node; n != nil {
		out.Type, out.Source, out.Needs = n.Plugin+"."+n.Type, place(n.DefRange()), nil
		for _, e := range n.Edges {
			out.Needs = append(out.Needs, report.Need{Address: e.To, Kind: string(e.Kind), Source: place(e.Range)})
		}
	}
	if s := known.Step; s != nil {
		out.Now = &report.PlanNode{
			Address: s.Address, Action: report.Action(s.Action), Reason: s.Reason, Changes: plan.Changes(s.Changes), After: s.After,
		}
		out.Inputs, out.Total = s.Inputs, len(s.Identity.Attributes)
	}
	return out
}

func place(r hcl.Range) string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}
