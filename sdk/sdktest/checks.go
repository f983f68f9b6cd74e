package sdktest

import (
	"context"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// checkValidate validates the config, and then with every argument unknown, as
// before the phases that it refers to were applied.
func checkValidate(p *phase) {
	p.t.Helper()
	ctx, cancel := p.context()
	defer cancel()
	check := func(what string, config cty.Value) {
		p.t.Helper()
		diags, err := p.client.Validate(ctx, p.typ.Name, config)
		if err != nil {
			p.t.Errorf("validate %s: %v", what, err)
		}
		if diags.HasErrors() {
			p.t.Errorf("validate %s: %v", what, describeError(diags))
		}
	}
	check("the config", p.config)
	known := p.config.AsValueMap()
	unknown := map[string]cty.Value{}
	for name, v := range known {
		unknown[name] = cty.UnknownVal(v.Type())
		one := p.config.AsValueMap()
		one[name] = unknown[name]
		check("with an unknown "+name, cty.ObjectVal(one))
	}
	if len(unknown) > 0 {
		check("with nothing known", cty.ObjectVal(unknown))
	}
}

// checkApply plans twice, applies, plans again and applies again.
func checkApply(p *phase) {
	p.t.Helper()
	plan, second := p.plan(sdk.PlanRequest{}), p.plan(sdk.PlanRequest{})
	if plan.Fingerprint() != second.Fingerprint() {
		p.t.Errorf("two plans of the same host differ:\n%+v\n%+v", plan.Changes, second.Changes)
	}
	switch empty := len(plan.Changes) == 0; {
	case empty && !p.c.OnlyLooks:
		p.t.Fatal("the first plan is empty: let Config or Setup leave something to do")
	case !empty && p.c.OnlyLooks:
		p.t.Fatalf("the first plan is not empty: let Setup make what the phase looks for: %+v", plan.Changes)
	}
	r := p.apply(plan)
	if p.c.OnlyLooks {
		p.same("an apply that only looks changes the host", p.clean, p.host())
	}
	p.checkForecast(plan.Outputs, r.Outputs)
	p.checkUnchanged(r)
	if !p.typ.Repeatable {
		return
	}
	done := p.host()
	p.apply(plan)
	p.same("a second apply changes the host", done, p.host())
}

// checkForecast compares what a plan promised with what came.
func (p *phase) checkForecast(planned, got cty.Value) {
	p.t.Helper()
	if !planned.IsKnown() {
		return
	}
	for name, v := range planned.AsValueMap() {
		if v.IsWhollyKnown() && !v.RawEquals(got.GetAttr(name)) {
			p.t.Errorf("output %q: planned %#v, got %#v", name, v, got.GetAttr(name))
		}
	}
}

// checkCancel cancels an apply as soon as it shows a sign of life, then finishes.
func checkCancel(p *phase) {
	p.t.Helper()
	if p.c.SkipCancel != "" {
		p.t.Skip(p.c.SkipCancel)
	}
	ctx, cancel := p.context()
	defer cancel()
	plan := p.plan(sdk.PlanRequest{})
	lives, ended := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(lives) })
	id := p.next()
	var r sdk.Result
	var err error
	go func() {
		defer close(ended)
		r, err = p.tryApply(ctx, id, plan, func(sdk.Event) { once() })
	}()
	p.cancelWhen(ctx, id, lives, ended)
	grace := time.NewTimer(p.typ.CancelGrace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
		p.t.Errorf("cancel: apply has not returned within its CancelGrace of %v", p.typ.CancelGrace)
		cancel()
		<-ended
		return
	}
	if err != nil {
		p.t.Fatalf("cancel: %v", err)
	}
	if r.Status == sdk.StatusFailed {
		p.t.Errorf("cancel: the phase failed: %v", describeError(r.Diagnostics))
	}
	p.finish()
}

// cancelWhen cancels the running apply after its first event, or after 20 ms if
// there is none. It repeats the call until the plugin knows the apply or it ended.
func (p *phase) cancelWhen(ctx context.Context, id sdk.Ident, lives, ended <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-lives:
			lives = nil
		case <-tick.C:
		}
		if known, err := p.client.Cancel(ctx, id, "conformance test"); known || err != nil {
			return
		}
	}
}

// finish completes an interrupted phase and undoes it.
func (p *phase) finish() {
	p.t.Helper()
	if p.c.SkipUnchanged == "" { // else it has no end
		p.converge()
	}
	if p.c.SkipUndo == "" {
		p.undo(p.config, p.record)
		p.same("undo after an interruption leaves something", p.clean, p.host())
	}
}

// checkUndo undoes from config and record, twice.
func checkUndo(p *phase) {
	p.t.Helper()
	if p.c.SkipUndo != "" {
		p.t.Skip(p.c.SkipUndo)
	}
	p.undo(p.config, nil) // of what was never applied
	p.same("undo of nothing changes the host", p.clean, p.host())
	r := p.apply(p.plan(sdk.PlanRequest{}))
	if p.host() != p.clean {
		plan := p.plan(sdk.PlanRequest{Config: p.config, Private: r.Private, Undo: true})
		if len(plan.Changes) == 0 {
			p.t.Error("the plan of an undo is empty although there is something to undo")
		}
	}
	for _, what := range []string{"undo", "a second undo"} {
		p.undo(p.config, r.Private)
		p.same(what+" leaves something", p.clean, p.host())
	}
	plan := p.plan(sdk.PlanRequest{Config: p.config, Private: r.Private, Undo: true})
	for _, c := range plan.Changes {
		p.t.Errorf("plan of a second undo: %s %s %s, want no change", c.Op, c.Kind, c.Target)
	}
}

// checkUndoFromRecord undoes a phase whose block is gone from the pipeline.
func checkUndoFromRecord(p *phase) {
	p.t.Helper()
	p.skipUndo(p.c.SkipUndoFromRecord)
	r := p.apply(p.plan(sdk.PlanRequest{}))
	p.plan(sdk.PlanRequest{Private: r.Private, Undo: true})
	p.undo(cty.NilVal, r.Private)
	p.same("undo from the record leaves something", p.clean, p.host())
}

// checkUndoWithoutRecord undoes a phase whose state was lost.
func checkUndoWithoutRecord(p *phase) {
	p.t.Helper()
	p.skipUndo(p.c.SkipUndoWithoutRecord)
	p.apply(p.plan(sdk.PlanRequest{}))
	p.undo(p.config, nil)
	p.same("undo without a record leaves something", p.clean, p.host())
}

func (p *phase) skipUndo(reason string) {
	p.t.Helper()
	for _, r := range []string{p.c.SkipUndo, reason} {
		if r != "" {
			p.t.Skip(r)
		}
	}
}
