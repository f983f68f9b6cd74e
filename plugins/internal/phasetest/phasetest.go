// Package phasetest plays the engine for one phase in tests: plan, apply, plan
// again, undo, with the record carried from call to call.
//
// It is not the conformance suite of package sdktest, which asks every plugin the
// same; it lets a plugin's tests say what their phase should do.
package phasetest

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Phase is one configured phase.
type Phase struct {
	Config cty.Value
	// Private is the record that the last call returned.
	Private []byte
	// Unchanged is what Plan is told: that the config is that of the last success.
	Unchanged bool
	// Emit gets the events of Try and Undo. It may be nil.
	Emit func(sdk.Event)

	client   sdk.Client
	typ      sdk.Type
	attempts int
}

// New configures a phase of a plugin. Arguments that config leaves out get their
// defaults.
func New(t *testing.T, spec sdk.Spec, typ string, config map[string]cty.Value) *Phase {
	t.Helper()
	found, ok := spec.Type(typ)
	if !ok {
		t.Fatalf("plugin %s has no type %q", spec.Name, typ)
	}
	p := &Phase{client: sdk.Direct(spec), typ: found}
	p.Set(t, config)
	return p
}

// Set replaces the config and keeps the record.
func (p *Phase) Set(t *testing.T, config map[string]cty.Value) {
	t.Helper()
	values := map[string]cty.Value{}
	for _, a := range p.typ.Config {
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
			t.Fatalf("type %s has no argument %q", p.typ.Name, name)
		}
	}
	p.Config, p.Unchanged = cty.ObjectVal(values), false
}

// Validate returns what the plugin has against the config, empty if nothing.
func (p *Phase) Validate(t *testing.T) string {
	t.Helper()
	diags, err := p.client.Validate(t.Context(), p.typ.Name, p.Config)
	if err != nil {
		t.Fatal(err)
	}
	return diags.Error()
}

// Plan plans the phase and keeps the record.
func (p *Phase) Plan(t *testing.T) (sdk.Plan, error) {
	t.Helper()
	plan, err := p.client.Plan(t.Context(), sdk.PlanRequest{
		Type: p.typ.Name, Config: p.Config, Private: p.Private, Outputs: cty.NilVal, Unchanged: p.Unchanged,
	})
	if err == nil {
		p.Private = plan.Private
	}
	return plan, err
}

// Want plans the phase and compares the changes, each written as "create: absent".
func (p *Phase) Want(t *testing.T, want ...string) sdk.Plan {
	t.Helper()
	plan, err := p.Plan(t)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	var got []string
	for _, c := range plan.Changes {
		got = append(got, string(c.Op)+": "+c.Reason)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("plan: got changes %q, want %q", got, want)
	}
	return plan
}

// Try applies the phase and keeps the record, whatever the outcome.
func (p *Phase) Try(t *testing.T) sdk.Result {
	t.Helper()
	p.attempts++
	result, err := p.client.Apply(t.Context(), sdk.ApplyRequest{
		ID: sdk.Ident{Attempt: p.attempts}, Type: p.typ.Name, Config: p.Config, Private: p.Private,
	}, p.emit)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	p.Private = result.Private
	return result
}

// Apply plans and applies the phase, wants it to succeed and to have nothing left
// to do, and returns its outputs.
func (p *Phase) Apply(t *testing.T) map[string]cty.Value {
	t.Helper()
	if _, err := p.Plan(t); err != nil {
		t.Fatalf("plan: %v", err)
	}
	result := p.Try(t)
	if result.Status != sdk.StatusOK {
		t.Fatalf("apply: %s: %v", result.Status, describe(result.Diagnostics))
	}
	again := p.Want(t)
	if !again.Outputs.RawEquals(result.Outputs) {
		t.Fatalf("outputs: got %#v from a plan without changes, %#v from apply", again.Outputs, result.Outputs)
	}
	return result.Outputs.AsValueMap()
}

func (p *Phase) emit(e sdk.Event) {
	if p.Emit != nil {
		p.Emit(e)
	}
}

// Undo removes what the phase made.
func (p *Phase) Undo(t *testing.T) {
	t.Helper()
	result, err := p.client.Undo(t.Context(), sdk.UndoRequest{Type: p.typ.Name, Config: p.Config, Private: p.Private}, p.emit)
	if err != nil || result.Status != sdk.StatusOK {
		t.Fatalf("undo: %v, %v", err, describe(result.Diagnostics))
	}
	p.Private = nil
}

// TryUndo undoes the phase by its record alone and keeps what is left of that,
// whatever the outcome.
func (p *Phase) TryUndo(t *testing.T) sdk.Result {
	t.Helper()
	result, err := p.client.Undo(t.Context(), sdk.UndoRequest{Type: p.typ.Name, Config: cty.NilVal, Private: p.Private}, p.emit)
	if err != nil {
		t.Fatalf("undo: %v", err)
	}
	p.Private, p.Unchanged = result.Private, false
	return result
}

func describe(diags sdk.Diagnostics) string {
	var out strings.Builder
	for _, d := range diags {
		out.WriteString(d.Summary + "\n" + d.Detail + "\n")
	}
	return out.String()
}

// Examples checks that every example of a plugin is a phase block of its type that
// passes validation.
func Examples(t *testing.T, spec sdk.Spec) {
	t.Helper()
	if err := sdk.ValidateSpec(spec); err != nil {
		t.Fatal(err)
	}
	for _, typ := range spec.Types {
		t.Run(typ.Name, func(t *testing.T) {
			config := exampleConfig(t, spec.Name+"."+typ.Name, typ.Example)
			if problem := New(t, spec, typ.Name, config).Validate(t); problem != "" {
				t.Errorf("%s\nin\n%s", problem, typ.Example)
			}
		})
	}
}

// exampleConfig reads the literal arguments of a phase block.
func exampleConfig(t *testing.T, fullName, example string) map[string]cty.Value {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(example), "example.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\nin\n%s", diags, example)
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok || len(body.Blocks) != 1 || len(body.Attributes) > 0 {
		t.Fatalf("want one block:\n%s", example)
	}
	block := body.Blocks[0]
	if block.Type != "phase" || len(block.Labels) != 2 || block.Labels[0] != fullName {
		t.Fatalf("want phase %q \"name\", got %s %q", fullName, block.Type, block.Labels)
	}
	config := map[string]cty.Value{}
	for name, attr := range block.Body.Attributes {
		v, diags := attr.Expr.Value(nil)
		if diags.HasErrors() {
			t.Fatalf("%v\nin\n%s", diags, example)
		}
		config[name] = v
	}
	return config
}
