package core

import (
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// driver plays the engine for one phase.
type driver struct {
	client  sdk.Client
	typ     sdk.Type
	config  cty.Value
	private []byte
	attempt int
	same    bool // the config is that of the last success

	mu   sync.Mutex
	logs []sdk.Log
}

func drive(t *testing.T, typ string, config map[string]cty.Value) *driver {
	t.Helper()
	found, ok := Spec().Type(typ)
	if !ok {
		t.Fatalf("there is no type %q", typ)
	}
	d := &driver{client: sdk.Direct(Spec()), typ: found}
	d.set(t, config)
	return d
}

// set replaces the config; what it leaves out gets its default.
func (d *driver) set(t *testing.T, config map[string]cty.Value) {
	t.Helper()
	values := map[string]cty.Value{}
	for _, a := range d.typ.Config {
		given, ok := config[a.Name]
		if !ok {
			given = cty.NullVal(cty.DynamicPseudoType)
		}
		v, err := a.Convert(given)
		if err != nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		values[a.Name] = v
	}
	for name := range config {
		if _, ok := values[name]; !ok {
			t.Fatalf("type %s has no argument %q", d.typ.Name, name)
		}
	}
	d.config, d.same = cty.ObjectVal(values), false
}

func (d *driver) validate(t *testing.T) string {
	t.Helper()
	diags, err := d.client.Validate(t.Context(), d.typ.Name, d.config)
	if err != nil {
		t.Fatal(err)
	}
	return diags.Error()
}

func (d *driver) plan(t *testing.T) sdk.Plan {
	t.Helper()
	plan, err := d.client.Plan(t.Context(), sdk.PlanRequest{
		Type: d.typ.Name, Config: d.config, Private: d.private, Unchanged: d.same,
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// try plans and applies, whatever comes of it.
func (d *driver) try(t *testing.T) sdk.Result {
	t.Helper()
	plan := d.plan(t)
	if len(plan.Changes) == 0 {
		d.private = plan.Private
		return sdk.Result{Status: sdk.StatusOK, Outputs: plan.Outputs}
	}
	d.attempt++
	result, err := d.client.Apply(t.Context(), sdk.ApplyRequest{
		ID: sdk.Ident{Attempt: d.attempt}, Type: d.typ.Name, Config: d.config, Private: plan.Private,
	}, d.emit)
	if err != nil {
		t.Fatal(err)
	}
	d.private, d.same = result.Private, result.Status == sdk.StatusOK
	return result
}

func (d *driver) emit(e sdk.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, ok := e.(sdk.Log); ok {
		d.logs = append(d.logs, l)
	}
}

// apply plans and applies, and wants that to succeed.
func (d *driver) apply(t *testing.T) map[string]cty.Value {
	t.Helper()
	result := d.try(t)
	if result.Status != sdk.StatusOK {
		t.Fatalf("apply: %s: %+v", result.Status, result.Diagnostics)
	}
	return result.Outputs.AsValueMap()
}

// fails applies and returns the error and the advice.
func (d *driver) fails(t *testing.T) (summary, detail string) {
	t.Helper()
	result := d.try(t)
	if result.Status != sdk.StatusFailed || len(result.Diagnostics) != 1 {
		t.Fatalf("apply: got %s: %+v, want one error", result.Status, result.Diagnostics)
	}
	return result.Diagnostics[0].Summary, result.Diagnostics[0].Detail
}

func (d *driver) undo(t *testing.T) sdk.Result {
	t.Helper()
	result, err := d.client.Undo(t.Context(), sdk.UndoRequest{
		Type: d.typ.Name, Config: cty.NilVal, Private: d.private,
	}, d.emit)
	if err != nil {
		t.Fatal(err)
	}
	d.private, d.same = result.Private, false
	return result
}

// changes is a plan as a person sees it.
func (d *driver) changes(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, c := range d.plan(t).Changes {
		lines = append(lines, strings.TrimSpace(c.Op.Symbol()+" "+c.Kind+" "+c.Target+": "+c.Reason))
	}
	return strings.Join(lines, "; ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func text(s string) cty.Value { return cty.StringVal(s) }

func list(items ...string) cty.Value {
	var values []cty.Value
	for _, s := range items {
		values = append(values, cty.StringVal(s))
	}
	if values == nil {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(values)
}

type object = map[string]cty.Value
