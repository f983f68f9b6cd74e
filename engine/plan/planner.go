package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// Plugins gives access to running plugins by name.
type Plugins interface {
	// Client returns a client that stays usable for the life of the planner.
	Client(ctx context.Context, plugin string) (sdk.Client, error)
	// Digest is the sha256 of the plugin's binary.
	Digest(plugin string) string
}

// Planner plans phases against what an earlier run recorded. It is safe for
// concurrent use.
type Planner struct {
	Program *expand.Program
	Plugins Plugins
	// Key makes digests of sensitive values unguessable. 32 random bytes.
	Key []byte
	// Rerun names phases with unknown outcome that may run again although their
	// type says that this is not safe.
	Rerun map[string]bool
	// Settled are steps that are not planned again at the first attempt. May be nil.
	Settled *Settled
	// Whole is the pipeline that Program is a part of, if it is one.
	Whole *expand.Program
	// Forget is [Plan.Forget] of what it builds.
	Forget bool
}

// Situation is what is known when a phase is planned.
type Situation struct {
	// Outcomes are those of the phases it depends on.
	Outcomes expand.Outcomes
	// Prior is what was recorded of it, or nil.
	Prior *state.Node
	ID    sdk.Ident
}

// Step plans one phase. An error is for people, see [Problem].
func (p *Planner) Step(ctx context.Context, n *expand.Node, now Situation) (Step, error) {
	if step, ok := p.Settled.take(n.Address); ok {
		return step, nil
	}
	o := now.Outcomes
	step := stepOf(n)
	if n.Undo {
		return p.undo(ctx, step, n, now)
	}
	switch run, known, diags := n.When(o); {
	case diags.HasErrors():
		return step, &InvalidError{diags}
	case !known:
		return later(step, n, o, "its condition depends on other phases"), nil
	case !run:
		step.Action, step.Reason = Skip, "its condition is false"
		return step, nil
	}
	if diags := n.Preconditions(o); diags.HasErrors() {
		return step, diags
	}
	marked, diags := n.Config(o)
	if diags.HasErrors() {
		return step, &InvalidError{diags}
	}
	config, sensitive := marked.UnmarkDeepWithPaths()
	step.Secrets = secrets(n.Schema.Config, config, sensitive)
	if !config.IsWhollyKnown() {
		return later(step, n, o, ""), p.validate(ctx, n, config, step.Secrets)
	}
	step.Config = config
	step.hidden = hiddenInputs(step.Ref, sensitive)
	var err error
	if step.Identity, err = identity(step.Ref, config, sensitive, p.Key); err != nil {
		return step, fmt.Errorf("plan %s: %w", n.Address, err)
	}
	step.Identity.Depends = depends(n)
	return step, p.ask(ctx, &step, n, now)
}

func stepOf(n *expand.Node) Step {
	return Step{Address: n.Address, Ref: TypeRef{Plugin: n.Plugin, Type: n.Schema}}
}

// askPlan refuses a plan that is too large to keep.
func askPlan(ctx context.Context, client sdk.Client, req sdk.PlanRequest) (sdk.Plan, error) {
	planned, err := client.Plan(ctx, req)
	if err != nil {
		return planned, err
	}
	return planned, checkPlan(planned)
}

// ask lets the plugin compare the config with the host.
func (p *Planner) ask(ctx context.Context, step *Step, n *expand.Node, now Situation) error {
	var mask Mask
	mask.Add(step.Secrets)
	client, err := p.Plugins.Client(ctx, n.Plugin)
	if err != nil {
		return err
	}
	desc, err := client.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe plugin %q: %w", n.Plugin, err)
	}
	step.Identity.Plugin = state.Plugin{Name: n.Plugin, Version: desc.Version, Digest: p.Plugins.Digest(n.Plugin)}
	prior := now.Prior
	if prior != nil && prior.Type != step.Identity.Type {
		prior = nil // its record is of no use to another type
	}
	req, err := request(ctx, client, step, n, Situation{Prior: prior, ID: now.ID})
	if err != nil {
		return placed(n, &mask, err)
	}
	planned, err := askPlan(ctx, client, req)
	if err != nil {
		if wrong := p.validate(ctx, n, step.Config, step.Secrets); wrong != nil {
			return wrong
		}
		return placed(n, &mask, err)
	}
	step.Changes, step.Outputs, step.Private = mask.changes(planned.Changes), planned.Outputs, planned.Private
	step.Diagnostics = mask.diagnostics(planned.Diagnostics)
	step.Fingerprint = planned.Fingerprint()
	step.Action = None
	if len(step.Changes) > 0 {
		step.Action = Apply
	}
	step.Reason, step.Inputs = reason(step, prior), inputChanges(n, step, prior)
	if n.Finally && step.Action == Apply {
		step.Reason = "runs after changes"
	}
	if now.Prior != prior {
		step.Reason = "was of type " + now.Prior.Type
		step.Diagnostics = append(step.Diagnostics, orphaned(step, now.Prior))
	}
	return p.mayRepeat(step, n, prior)
}

// validate asks the plugin about a config that it is not asked to plan, or would
// not: an [InvalidError] tells that the config is at fault.
func (p *Planner) validate(ctx context.Context, n *expand.Node, config cty.Value, secrets []string) error {
	client, err := p.Plugins.Client(ctx, n.Plugin)
	if err != nil {
		return err
	}
	problems, err := client.Validate(ctx, n.Type, config)
	if err != nil {
		return placed(n, &Mask{}, err)
	}
	if !problems.HasErrors() {
		return nil
	}
	var mask Mask
	mask.Add(secrets)
	return &InvalidError{n.Place(mask.diagnostics(problems))}
}

// request is what the plugin is asked, with what is recorded of the phase.
func request(ctx context.Context, client sdk.Client, step *Step, n *expand.Node, now Situation) (sdk.PlanRequest, error) {
	req := sdk.PlanRequest{ID: now.ID, Type: n.Type, Config: step.Config}
	if now.Prior == nil {
		return req, nil
	}
	var err error
	if req.Private, err = Upgraded(ctx, client, *step.Ref.Type, now.Prior); err != nil {
		return req, err
	}
	if done := now.Prior.Success; done != nil {
		req.Outputs = priorOutputs(step.Ref, done.Outputs)
		// An attempt with other inputs that came later may have changed anything.
		req.Unchanged = done.Inputs == step.Identity.Inputs && now.Prior.Inputs == step.Identity.Inputs && !n.Finally
	}
	return req, nil
}

// orphaned warns of what another type made under the same address.
func orphaned(step *Step, prior *state.Node) sdk.Diagnostic {
	return sdk.Diagnostic{
		Severity: sdk.SeverityWarning,
		Summary: fmt.Sprintf("what %s made as %s stays on the host and is forgotten: %s knows nothing of it",
			step.Address, prior.Type, step.Identity.Type),
		Detail: "To have it removed, undo the pipeline as it was before, or give the new phase another name.",
	}
}

// mayRepeat refuses to run again what must not run twice when nobody knows
// whether it ran.
func (p *Planner) mayRepeat(step *Step, n *expand.Node, prior *state.Node) error {
	if prior == nil || !prior.Status.Open() || step.Action != Apply || step.Ref.Type.Repeatable || p.Rerun[step.Address] {
		return nil
	}
	return placed(n, &Mask{}, sdk.Diagnostics{{
		Severity: sdk.SeverityError,
		Summary: fmt.Sprintf("apply %s: an earlier attempt began and nobody knows how it ended, and %s must not run twice",
			step.Address, prior.Type),
		Detail: fmt.Sprintf("It began at %s in run %s. Look at the host; if it may run again: clusterflow apply --rerun '%s'",
			prior.Started.Format("2006-01-02 15:04:05 MST"), prior.Run, step.Address),
		Permanent: true,
	}})
}

// placed gives what a plugin reported its place in the pipeline.
func placed(n *expand.Node, mask *Mask, err error) error {
	diags := sdk.Diagnose(err)
	return &PhaseError{Diagnostics: n.Place(mask.diagnostics(diags)), Permanent: diags.Permanent()}
}

// Upgraded returns the private record of a node in the form that its type has now.
func Upgraded(ctx context.Context, client sdk.Client, typ sdk.TypeDescription, prior *state.Node) ([]byte, error) {
	if len(prior.Private) == 0 || prior.TypeVersion == typ.Version {
		return prior.Private, nil
	}
	return client.Upgrade(ctx, typ.Name, prior.TypeVersion, prior.Private)
}

// depends lists the phases that n comes after, each once.
func depends(n *expand.Node) []string {
	var out []string
	for _, e := range n.Edges {
		out = append(out, e.To)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// later is a step that waits for the outputs that are missing.
func later(step Step, n *expand.Node, o expand.Outcomes, why string) Step {
	step.Action, step.Reason = Later, why
	for _, to := range depends(n) {
		if out, ok := o.Outcome(to); !ok || !complete(out) {
			step.After = append(step.After, to)
		}
	}
	return step
}

func complete(out expand.Outcome) bool {
	if out.Outputs == cty.NilVal {
		return out.Status == expand.StatusSkipped
	}
	return out.Outputs.IsWhollyKnown()
}
