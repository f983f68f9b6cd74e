package plan_test

import (
	"testing"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// The plugin is told that nothing changed only if the last attempt had the inputs
// of the last success: one with others that came between may have changed anything.
func TestUnchangedInputs(t *testing.T) {
	p := planner(t, newPlugins(), `phase "echo.say" "a" { text = "hello" }`)
	identity := build(t, p, state.New()).Steps[0].Identity
	other := identity
	other.Inputs = "others"
	tests := map[string]struct {
		last, success string
		want          plan.Action
	}{
		"the same":                         {last: identity.Inputs, success: identity.Inputs, want: plan.None},
		"an attempt with others since":     {last: other.Inputs, success: identity.Inputs, want: plan.Apply},
		"others succeeded":                 {last: other.Inputs, success: other.Inputs, want: plan.Apply},
		"others succeeded, this was tried": {last: identity.Inputs, success: other.Inputs, want: plan.Apply},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			prior := state.New()
			recorded := identity
			recorded.Inputs = tt.last
			prior.Nodes["phase.a"] = &state.Node{
				Address: "phase.a", Identity: recorded, Status: state.Failed, Success: &state.Success{Inputs: tt.success},
			}
			if got := build(t, p, prior).Steps[0].Action; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
