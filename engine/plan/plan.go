// Package plan decides what each phase of a pipeline would do, and says why.
//
// A [Planner] looks at one phase at a time: it evaluates the phase's config with
// the outcomes of the phases before it, compares the inputs with those of the
// last success and asks the plugin what it would change. [Planner.Build] does
// this for a whole pipeline ahead of a run; package run calls [Planner.Step] again
// for each phase when its turn comes, with real outputs in place of unknown ones.
//
// Expressions stop here: a [Step] is plain data. The package starts no process,
// writes nothing and never decides when a phase runs.
package plan

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// Action is what will be done with a phase.
type Action string

// The actions.
const (
	None  Action = "none"  // all is as wanted, the plugin's Apply is not called
	Apply Action = "apply" // there are changes to make
	Skip  Action = "skip"  // its condition is false
	Later Action = "later" // its inputs are known only after other phases were applied
)

// Plan is what a run would do, one step for each phase, in an order in which
// they could run one after another.
type Plan struct {
	Steps []*Step
	// Left are phases that earlier runs made and that the pipeline does not want any
	// more: they are gone from it, or their condition is false. Apply leaves what
	// they made as it is.
	Left []string
	// Forget says that all that is recorded is dropped when all succeeded, see
	// [config.Pipeline].
	Forget bool
}

// Step is the decision about one phase.
type Step struct {
	Address string
	Action  Action
	// Reason says in a few words why, such as "inputs changed: sans".
	Reason string
	// After lists the phases whose outputs a Later step waits for.
	After       []string
	Changes     []sdk.Change
	Diagnostics sdk.Diagnostics // warnings only
	// Identity is what is stored about the phase with its outcome.
	Identity state.Identity
	Ref      TypeRef
	// Config is the plugin's config, without marks. Outputs are as the plugin planned
	// them; they are complete when Action is None. The steps of a [Plan] have neither,
	// see [Plan.Outcomes]: a phase that is to be applied is planned again when its
	// turn comes.
	Config, Outputs cty.Value
	Private         []byte
	Fingerprint     string
	// Undo says that Changes are removals, and that the plugin's Undo makes them.
	// Config is cty.NilVal then if the record in Private is enough.
	Undo bool
	// Inputs are those that differ from the last success.
	Inputs []event.InputChange
	// Secrets are the sensitive strings in Config, to be kept out of all output.
	Secrets []string
	hidden  map[string]bool // the inputs that are sensitive

	packed []cty.Value // Outputs, see pack
}

// TypeRef names a phase type and what the engine must know of it to run it.
type TypeRef struct {
	Plugin string
	Type   *sdk.TypeDescription
}

// HasChanges reports whether the plan would do anything.
func (p *Plan) HasChanges() bool {
	for _, s := range p.Steps {
		if s.Action == Apply || s.Action == Later {
			return true
		}
	}
	return false
}

// Outcomes is a fixed set of outcomes, by address.
type Outcomes map[string]expand.Outcome

// Outcome implements [expand.Outcomes].
func (o Outcomes) Outcome(address string) (expand.Outcome, bool) {
	out, ok := o[address]
	return out, ok
}

// outcome is what later phases see of a step that is only planned.
func (s *Step) outcome() (expand.Outcome, bool) {
	switch s.Action {
	case None:
		return expand.Outcome{Status: "unchanged", Outputs: s.outputs()}, true
	case Skip:
		return expand.Outcome{Status: "skipped"}, true
	case Apply:
		return expand.Outcome{Outputs: s.outputs()}, true // how it ends is not known
	default:
		return expand.Outcome{}, false
	}
}
