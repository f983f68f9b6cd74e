package plan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// An error of a plugin that quotes a secret.
func TestErrorsHideSecrets(t *testing.T) {
	p := newPlugins()
	p.client = &quoting{p.client}
	_, err := planner(t, p, fmt.Sprintf(secretive, "hello"), "secret=tiger-tiger").Build(t.Context(), state.New())
	if err == nil || strings.Contains(err.Error(), "tiger") || !strings.Contains(err.Error(), "wrong: (sensitive)") {
		t.Errorf("got %v", err)
	}
}

type quoting struct{ sdk.Client }

func (quoting) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	return sdk.Plan{}, sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "wrong: " + req.Config.GetAttr("secret").AsString()}}
}

func TestMask(t *testing.T) {
	p := planner(t, newPlugins(), `variable "secret" {
  type      = any
  sensitive = true
}
phase "echo.say" "a" {
  text = "x"
  secret = jsonencode(var.secret)
}`, `secret={ token = "abcdef.0123456789abcdef" }`)
	s := build(t, p, state.New()).Steps[0]
	var m plan.Mask
	m.Add(s.Secrets)
	for text, want := range map[string]string{
		`{"token":"abcdef.0123456789abcdef"}`:       "(sensitive)",
		`"{\"token\":\"abcdef.0123456789abcdef\"}"`: `"(sensitive)"`,
		"nothing": "nothing",
		"":        "",
	} {
		if got := m.Text(text); got != want {
			t.Errorf("Text(%s): got %s, want %s", text, got, want)
		}
	}
}

func TestMaskLines(t *testing.T) {
	p := planner(t, newPlugins(), `variable "secret" {
  type      = string
  sensitive = true
}
phase "echo.say" "a" {
  text   = "x"
  secret = var.secret
}`, "secret=first line\nno\nthird line\n")
	var m plan.Mask
	m.Add(build(t, p, state.New()).Steps[0].Secrets)
	got := m.Text("| first line\n| no\n|   third line.\n")
	if want := "| (sensitive)\n| no\n|   (sensitive).\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What may be stored of outputs: nothing sensitive, by schema or by content.
func TestStorable(t *testing.T) {
	s := step(t, fmt.Sprintf(secretive, "hello"), "secret=tiger")
	outputs := func(text string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{
			"text": cty.StringVal(text), "secret": cty.StringVal("made"), "node": cty.StringVal("n"),
		})
	}
	for text, want := range map[string]string{
		"hello":          `{"node":"n","text":"hello"}`,
		"holds tiger":    `{"node":"n"}`,
		"also made of 4": `{"node":"n"}`,
	} {
		got, err := s.Storable(outputs(text))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}
