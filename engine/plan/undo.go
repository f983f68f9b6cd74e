package plan

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// succeeded is the status of phases that an undone one uses: it counts as if they
// were there.
const succeeded = "succeeded"

// undo plans to remove what a phase of an undone module made: what its record
// says, or, without one, what is there of what its config says.
func (p *Planner) undo(ctx context.Context, step Step, n *expand.Node, now Situation) (Step, error) {
	step.Undo = true
	step.Identity.Type = n.Plugin + "." + n.Type
	prior := now.Prior
	if prior != nil && prior.Type != step.Identity.Type {
		step.Diagnostics = append(step.Diagnostics, orphaned(&step, prior))
		prior = nil
	}
	recorded := prior != nil && len(prior.Private) > 0
	o := observations{program: p.Program, outside: now.Outcomes, own: Outcomes{}}
	if !recorded {
		p.observe(ctx, n, o)
	}
	run, known, _ := n.When(o) // a condition that needs what is gone holds
	switch waits := o.waits(n); {
	case known && !run:
		step.Action, step.Reason = Skip, "its condition is false"
		return step, nil
	case !known && len(waits) > 0:
		step.Action, step.Reason, step.After = Later, "its condition depends on other phases", waits
		return step, nil
	case recorded:
		return step, p.askUndo(ctx, &step, n, Situation{Prior: prior, ID: now.ID})
	}
	ready, err := step.setUndoConfig(n, o, prior)
	if err != nil || !ready {
		return step, err
	}
	return step, p.askUndo(ctx, &step, n, Situation{Prior: prior, ID: now.ID})
}

// setUndoConfig evaluates the config of a phase whose record does not say what to
// remove. It is not ready when that cannot be told yet, or ever.
func (s *Step) setUndoConfig(n *expand.Node, o observations, prior *state.Node) (ready bool, err error) {
	marked, diags := n.Config(o)
	if diags.HasErrors() {
		return false, diags
	}
	config, sensitive := marked.UnmarkDeepWithPaths()
	if config.IsWhollyKnown() {
		s.Config, s.Secrets = config, secrets(s.Ref.Type.Config, config, sensitive)
		return true, nil
	}
	if waits := o.waits(n); len(waits) > 0 {
		s.Action, s.After = Later, waits
		return false, nil
	}
	if prior != nil {
		return true, nil
	}
	s.Action = None
	s.Diagnostics = append(s.Diagnostics, unobservable(n))
	return false, nil
}

// unobservable warns of a phase that nothing tells where to look for.
func unobservable(n *expand.Node) sdk.Diagnostic {
	return sdk.Diagnostic{
		Severity: sdk.SeverityWarning,
		Summary:  fmt.Sprintf("undo %s: no run recorded it, and its inputs cannot be told without what it needs: it is left alone", n.Address),
		Detail:   "What it made, if it ever did, has to be removed by hand.",
	}
}

// askUndo lets the plugin say what it would remove.
func (p *Planner) askUndo(ctx context.Context, step *Step, n *expand.Node, now Situation) error {
	var mask Mask
	mask.Add(step.Secrets)
	client, err := p.Plugins.Client(ctx, n.Plugin)
	if err != nil {
		return err
	}
	step.Reason = "found on the host, though no run recorded it"
	if now.Prior != nil {
		step.Reason = "made by an earlier run"
		if step.Private, err = Upgraded(ctx, client, *step.Ref.Type, now.Prior); err != nil {
			return placed(n, &mask, fmt.Errorf("undo %s: read its record: %w", n.Address, err))
		}
	}
	planned, err := client.Plan(ctx, sdk.PlanRequest{ID: now.ID, Type: n.Type, Config: step.Config, Private: step.Private, Undo: true})
	if err != nil {
		return placed(n, &mask, err)
	}
	step.Action, step.Changes, step.Fingerprint = Apply, mask.changes(planned.Changes), planned.Fingerprint()
	step.Diagnostics = append(step.Diagnostics, mask.diagnostics(planned.Diagnostics)...)
	if len(step.Changes) == 0 {
		step.Action, step.Reason = None, "nothing is left of it"
	}
	return nil
}

// observe asks the plugins of the phases that n uses what these give, in order:
// nothing that made them need be recorded. What cannot be told stays unknown.
func (p *Planner) observe(ctx context.Context, n *expand.Node, o observations) {
	for _, address := range n.Uses {
		used, ok := p.Program.Node(address)
		if _, done := o.own[address]; done || !ok {
			continue
		}
		o.own[address] = expand.Outcome{Status: succeeded} // its outputs are unknown, unless they can be told below
		p.observe(ctx, used, o)
		marked, diags := used.Config(o)
		config, _ := marked.UnmarkDeep()
		if diags.HasErrors() || !config.IsWhollyKnown() {
			continue
		}
		client, err := p.Plugins.Client(ctx, used.Plugin)
		if err != nil {
			continue // its own plan says so
		}
		planned, err := client.Plan(ctx, sdk.PlanRequest{ID: sdk.Ident{Node: address}, Type: used.Type, Config: config})
		if err == nil && planned.Outputs != cty.NilVal && planned.Outputs.IsKnown() {
			o.own[address] = expand.Outcome{Status: succeeded, Outputs: planned.Outputs}
		}
	}
}

// observations are the outcomes that an undone phase sees: those from outside of
// its module, and of the phases that it uses what they give as long as they exist.
type observations struct {
	program *expand.Program
	outside expand.Outcomes
	own     Outcomes
}

// Outcome implements [expand.Outcomes].
func (o observations) Outcome(address string) (expand.Outcome, bool) {
	if n, ok := o.program.Node(address); ok && n.Undo {
		return o.own.Outcome(address)
	}
	return o.outside.Outcome(address)
}

// waits lists the phases outside whose outputs are not there yet.
func (o observations) waits(n *expand.Node) []string {
	var out []string
	for _, e := range n.Edges {
		to, ok := o.program.Node(e.To)
		if !ok || to.Undo || e.Kind != expand.Data {
			continue
		}
		if outcome, ok := o.outside.Outcome(e.To); !ok || !complete(outcome) {
			out = append(out, e.To)
		}
	}
	return out
}
