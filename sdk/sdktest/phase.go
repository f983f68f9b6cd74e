package sdktest

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// phase is a case at work in a directory of its own. Its methods call the plugin
// and end the test when a call fails that must not.
type phase struct {
	t      *testing.T
	client sdk.Client
	typ    sdk.TypeDescription
	c      Case
	dir    string
	config cty.Value
	clean  string // the host before the first apply

	attempt int

	mu      sync.Mutex
	said    []statement     // all that is stored or shown
	secrets map[string]bool // what must not be in it
	record  []byte          // the newest private record
}

func newPhase(t *testing.T, client sdk.Client, typ sdk.TypeDescription, c Case) *phase {
	t.Helper()
	p := &phase{t: t, client: client, typ: typ, c: c, dir: t.TempDir(), secrets: map[string]bool{}}
	for _, s := range c.Secrets {
		p.secrets[s] = true
	}
	if c.Setup != nil {
		if err := c.Setup(p.dir); err != nil {
			t.Fatalf("set up: %v", err)
		}
	}
	var err error
	if p.config, err = c.config(typ, p.dir); err != nil {
		t.Fatalf("config: %v", err)
	}
	p.clean = p.host()
	t.Cleanup(p.checkSecrets)
	t.Cleanup(p.leave)
	return p
}

// leave takes back what the test left on the host outside of its directory, such
// as processes. Whether undo works is for other checks to say.
func (p *phase) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), cmp.Or(p.c.Timeout, time.Minute))
	defer cancel()
	req := sdk.UndoRequest{ID: p.next(), Type: p.typ.Name, Config: p.config, Private: p.record}
	_, _ = p.client.Undo(ctx, req, func(sdk.Event) {})
}

func (p *phase) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.t.Context(), cmp.Or(p.c.Timeout, time.Minute))
}

// next names the next call.
func (p *phase) next() sdk.Ident {
	p.attempt++
	return sdk.Ident{Run: "sdktest", Node: p.t.Name(), Attempt: p.attempt}
}

// plan plans and checks that planning changes nothing.
func (p *phase) plan(req sdk.PlanRequest) sdk.Plan {
	p.t.Helper()
	ctx, cancel := p.context()
	defer cancel()
	before := p.host()
	req.ID, req.Type = p.next(), p.typ.Name
	if req.Config == cty.NilVal && !req.Undo {
		req.Config = p.config
	}
	plan, err := p.client.Plan(ctx, req)
	if err != nil {
		p.t.Fatalf("plan: %v", describeError(err))
	}
	p.same("a plan changes the host", before, p.host())
	p.sayPlan(plan)
	return plan
}

// apply applies a plan, which must work.
func (p *phase) apply(plan sdk.Plan) sdk.Result {
	p.t.Helper()
	ctx, cancel := p.context()
	defer cancel()
	r, err := p.tryApply(ctx, p.next(), plan, nil)
	p.mustBeOK("apply", r, err)
	if err := sdk.CheckOutputs(p.typ.Outputs, r.Outputs, true); err != nil {
		p.t.Fatalf("apply: %v", err)
	}
	return r
}

// tryApply applies a plan and passes events on.
func (p *phase) tryApply(
	ctx context.Context, id sdk.Ident, plan sdk.Plan, emit func(sdk.Event),
) (sdk.Result, error) {
	p.keep(plan.Private)
	r, err := p.client.Apply(ctx, sdk.ApplyRequest{
		ID: id, Type: p.typ.Name, Config: p.config, Private: plan.Private, Fingerprint: plan.Fingerprint(),
	}, func(e sdk.Event) {
		p.sayEvent(e)
		if emit != nil {
			emit(e)
		}
	})
	if err == nil {
		p.sayResult(r)
	}
	return r, err
}

// undo undoes the phase, which must work.
func (p *phase) undo(config cty.Value, private []byte) {
	p.t.Helper()
	ctx, cancel := p.context()
	defer cancel()
	req := sdk.UndoRequest{ID: p.next(), Type: p.typ.Name, Config: config, Private: private}
	r, err := p.client.Undo(ctx, req, p.sayEvent)
	if err == nil {
		p.sayResult(r)
	}
	p.mustBeOK("undo", r, err)
}

// converge finishes a phase that was interrupted, as the engine would.
func (p *phase) converge() {
	p.t.Helper()
	plan := p.plan(sdk.PlanRequest{Private: p.record})
	if len(plan.Changes) == 0 {
		return
	}
	p.checkUnchanged(p.apply(plan))
}

// keep remembers the record that the engine would have stored last.
func (p *phase) keep(private []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record = private
}

// checkUnchanged plans again after a success.
func (p *phase) checkUnchanged(r sdk.Result) {
	p.t.Helper()
	if p.c.SkipUnchanged != "" {
		return
	}
	plan := p.plan(sdk.PlanRequest{Outputs: p.stored(r.Outputs), Private: r.Private, Unchanged: true})
	for _, c := range plan.Changes {
		p.t.Errorf("second plan: %s %s %s (%s), want no change", c.Op, c.Kind, c.Target, c.Reason)
	}
	if len(plan.Changes) == 0 && !plan.Outputs.RawEquals(r.Outputs) {
		p.t.Errorf("second plan: outputs differ from those of apply:\n%#v\n%#v", plan.Outputs, r.Outputs)
	}
}

// stored is what the engine keeps of outputs: sensitive ones become null.
func (p *phase) stored(outputs cty.Value) cty.Value {
	values := outputs.AsValueMap()
	for _, a := range p.typ.Outputs {
		if a.Sensitive {
			values[a.Name] = cty.NullVal(outputs.GetAttr(a.Name).Type())
		}
	}
	if len(values) == 0 {
		return cty.EmptyObjectVal
	}
	return cty.ObjectVal(values)
}

func (p *phase) mustBeOK(what string, r sdk.Result, err error) {
	p.t.Helper()
	switch {
	case err != nil:
		p.t.Fatalf("%s: %v", what, describeError(err))
	case r.Status != sdk.StatusOK:
		p.t.Fatalf("%s: %v: %v", what, r.Status, describeError(r.Diagnostics))
	}
}

// same compares two states of the host.
func (p *phase) same(problem, want, got string) {
	p.t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s (-before +after):\n%s", problem, diff)
	}
}

// describeError adds the advice of an error to its text.
func describeError(err error) string {
	text := err.Error()
	var diags sdk.Diagnostics
	if !errors.As(err, &diags) {
		diags = sdk.Diagnose(err)
	}
	for _, d := range diags {
		if d.Detail != "" {
			text += "\n" + d.Detail
		}
	}
	return text
}
