package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/selection"
)

// manyLeftOut is how many phases a line names before it counts the rest.
const manyLeftOut = 6

// selectFlags pick a part of a pipeline.
type selectFlags struct{ selection.Selection }

// register adds the flags. needs says what comes along with a target, users what
// goes with an excluded phase.
func (f *selectFlags) register(cmd *cobra.Command, needs, users string) {
	cmd.Flags().StringArrayVar(&f.Targets, "target", nil,
		"only the phase or module `ADDRESS` and "+needs+"; may be repeated")
	cmd.Flags().StringArrayVar(&f.Excludes, "exclude", nil,
		"without the phase or module `ADDRESS` and "+users+"; may be repeated")
}

const selectHelp = "\n\nAn ADDRESS is phase.NAME, module.NAME or module.NAME.phase.NAME; behind it a [\"key\"] means one instance,\n" +
	"else all of them. `clusterflow graph` shows all addresses. What is left out is listed, and stays as it is."

// withSelected is withPipeline for a part of the pipeline.
func (a *app) withSelected(
	ctx context.Context, name string, flags pipelineFlags, wanted selectFlags, do func(context.Context, *engine.Pipeline) error,
) error {
	return a.withPipeline(ctx, name, flags, func(ctx context.Context, p *engine.Pipeline) error {
		left, err := p.Select(wanted.Selection)
		if err != nil {
			return err
		}
		a.leftOut(left)
		return do(ctx, p)
	})
}

// leftOut says which phases a selection leaves out.
func (a *app) leftOut(addresses []string) {
	if len(addresses) == 0 {
		return
	}
	list := strings.Join(addresses, ", ")
	if more := len(addresses) - manyLeftOut + 1; more > 1 {
		list = fmt.Sprintf("%s and %d more", strings.Join(addresses[:manyLeftOut-1], ", "), more)
	}
	fmt.Fprintf(a.err, "Left out: %s: %s\n", countPhases(len(addresses)), list)
}

func countPhases(n int) string {
	if n == 1 {
		return "1 phase"
	}
	return fmt.Sprintf("%d phases", n)
}
