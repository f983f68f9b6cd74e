package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/sdk"
)

func newOutputCmd(a *app) *cobra.Command {
	var flags pipelineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "output PIPELINE [NAME]",
		Short: "Print the outputs of a pipeline, from the host as it is now",
		Long: "Prints all outputs, or the one that is named, then also if it is sensitive. Values are read from\n" +
			"the host and the cluster, for secrets are stored nowhere else.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return errors.New("name a pipeline file, and one output or none")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPipeline(cmd.Context(), args[0], flags, func(ctx context.Context, p *engine.Pipeline) error {
				outputs, err := readOutputs(ctx, p)
				if err != nil {
					return err
				}
				if len(args) == 2 {
					return a.printOutput(outputs, args[1], asJSON)
				}
				return a.printOutputs(outputs, asJSON)
			})
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func readOutputs(ctx context.Context, p *engine.Pipeline) (map[string]expand.Output, error) {
	planned, err := p.Plan(ctx)
	if err != nil {
		return nil, err
	}
	outputs, diags := p.Outputs(planned.Outcomes())
	if diags.HasErrors() {
		return nil, &sourceError{diags: diags, files: p.Files, code: exitFailed}
	}
	return outputs, nil
}

// printOutput prints one output; a string without quotes.
func (a *app) printOutput(outputs map[string]expand.Output, name string, asJSON bool) error {
	out, ok := outputs[name]
	if !ok {
		known := slices.Collect(maps.Keys(outputs))
		return &usageError{fmt.Errorf("there is no output %q.%s %s", name, diag.DidYouMean(name, known), diag.Names("outputs", known))}
	}
	value, _ := out.Value.UnmarkDeep()
	if !value.IsWhollyKnown() {
		return sdk.Hint(fmt.Errorf("print output %q: it is known only after apply", name),
			"With the variables that were given now there is something to apply: see clusterflow plan. If all has been applied, give the same --var and --var-file as then.")
	}
	text, err := render(value, asJSON)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, text)
	return err
}

func (a *app) printOutputs(outputs map[string]expand.Output, asJSON bool) error {
	if asJSON {
		return a.printOutputsJSON(outputs)
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		text, err := shown(outputs[name], false)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s = %s\n", name, text)
	}
	return nil
}

func (a *app) printOutputsJSON(outputs map[string]expand.Output) error {
	all := map[string]json.RawMessage{}
	for name, out := range outputs {
		value, _ := out.Value.UnmarkDeep()
		if out.Sensitive || out.Value.ContainsMarked() || !value.IsWhollyKnown() {
			all[name] = json.RawMessage("null")
			continue
		}
		text, err := render(value, true)
		if err != nil {
			return err
		}
		all[name] = json.RawMessage(text)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("print outputs: %w", err)
	}
	_, err = fmt.Fprintln(a.out, string(text))
	return err
}

// showOutputs prints outputs at the end of an apply: values that are not
// sensitive, and those that ask to be revealed.
func (a *app) showOutputs(p *engine.Pipeline, known plan.Outcomes) error {
	outputs, diags := p.Outputs(known)
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: p.Files, code: exitFailed}
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		out := outputs[name]
		if value, _ := out.Value.UnmarkDeep(); value.IsNull() || !value.IsWhollyKnown() {
			continue // it is about phases that were skipped or left out
		}
		text, err := shown(out, out.Reveal)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.out)
		if out.Description != "" {
			fmt.Fprintf(a.out, "%s\n", out.Description)
		} else {
			fmt.Fprintf(a.out, "%s:\n", name)
		}
		fmt.Fprintf(a.out, "  %s\n", strings.ReplaceAll(text, "\n", "\n  "))
	}
	return nil
}

func shown(out expand.Output, reveal bool) (string, error) {
	value, _ := out.Value.UnmarkDeep()
	switch {
	case (out.Sensitive || out.Value.ContainsMarked()) && !reveal:
		return "(sensitive)", nil
	case !value.IsWhollyKnown():
		return "(known after apply)", nil
	}
	return render(value, false)
}

func render(value cty.Value, asJSON bool) (string, error) {
	if !asJSON && value.Type() == cty.String && !value.IsNull() {
		return value.AsString(), nil
	}
	text, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return "", fmt.Errorf("print output: %w", err)
	}
	return string(text), nil
}
