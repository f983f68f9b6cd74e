package core

import (
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// driver plays the engine for one phase as it goes on after success and failure.
type driver struct {
	*phasetest.Phase

	mu   sync.Mutex
	logs []sdk.Log
}

func drive(t *testing.T, typ string, config map[string]cty.Value) *driver {
	t.Helper()
	d := &driver{Phase: phasetest.New(t, Spec(), typ, config)}
	d.Emit = d.emit
	return d
}

func (d *driver) emit(e sdk.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, ok := e.(sdk.Log); ok {
		d.logs = append(d.logs, l)
	}
}

// plan plans without a trace.
func (d *driver) plan(t *testing.T) sdk.Plan {
	t.Helper()
	before := d.Private
	plan, err := d.Plan(t)
	if err != nil {
		t.Fatal(err)
	}
	d.Private = before
	return plan
}

// try plans and applies, whatever comes of it.
func (d *driver) try(t *testing.T) sdk.Result {
	t.Helper()
	plan := d.plan(t)
	d.Private = plan.Private
	if len(plan.Changes) == 0 {
		return sdk.Result{Status: sdk.StatusOK, Outputs: plan.Outputs}
	}
	result := d.Try(t)
	d.Unchanged = result.Status == sdk.StatusOK
	return result
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
