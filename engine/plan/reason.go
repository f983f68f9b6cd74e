package plan

import (
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/engine/state"
)

func reason(step *Step, prior *state.Node) string {
	switch {
	case prior == nil && step.Action == None:
		return "found as wanted"
	case prior == nil:
		return "new"
	case prior.Status == state.Undoing || prior.Status == state.Leftovers:
		return "was undone"
	case prior.Status.Open():
		return "an earlier attempt was interrupted"
	case prior.Status == state.Cancelled:
		return "the last attempt was stopped"
	case prior.Status == state.Failed, prior.Success == nil:
		return "the last attempt failed"
	}
	if prior.Success.Inputs != step.Identity.Inputs {
		return "inputs changed: " + strings.Join(changedInputs(prior.Success.Attributes, step.Identity.Attributes), ", ")
	}
	if step.Action == Apply {
		return "the host differs from what was applied"
	}
	return ""
}

// changedInputs names the attributes whose digests differ.
func changedInputs(before, after state.Digests) []string {
	var names []string
	for _, d := range after {
		if before.Get(d.Name) != d.Sum {
			names = append(names, d.Name)
		}
	}
	for _, d := range before {
		if after.Get(d.Name) == "" {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return []string{"the phase type itself"}
	}
	slices.Sort(names)
	return names
}
