package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
)

// Item returns the step of a reference to a phase or module that names an output:
// the one after the name, or after the key where the block has for_each. It
// reports a key that is missing and one that makes no sense. The step is not
// static if no output is named.
func (r Reference) Item(block string, repeated bool, outputs []string) (Step, hcl.Diagnostics) {
	none := Step{Open: true}
	if len(r.Steps) < 2 {
		return none, nil
	}
	step := r.Steps[1]
	isOutput := step.Static() && slices.Contains(outputs, step.Name)
	switch {
	case !repeated && step.Index && !isOutput:
		return none, diag.Errorf(step.Range, "No such instance",
			"%s has no for_each, so there is only one: write %s.OUTPUT without a key.", block, block)
	case !repeated:
		return step, nil
	case isOutput && !step.Index:
		return none, diag.Errorf(r.Range, "Key needed",
			"%s has for_each, so there may be several: say which, as in %s[\"…\"].%s, or take all with [for x in %s : x.%s].",
			block, block, step.Name, block, step.Name)
	case len(r.Steps) == 2:
		return none, nil
	default:
		return r.Steps[2], nil
	}
}
