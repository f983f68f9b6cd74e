package plan_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

func TestConflicts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "note")
	const note = "%s \"echo.note\" %q {\n  path = %q\n  text = %q\n}\n"
	tests := map[string]struct {
		text string
		want string
	}{
		"two phases": {
			text: fmt.Sprintf(note+note, "phase", "a", path, "x", "phase", "b", path, "y"),
			want: "p.hcl:1 phase.a and phase.b (p.hcl:5) both declare file PATH; p.hcl:5 phase.b and phase.a (p.hcl:1) both declare file PATH",
		},
		"a phase and a finally block": {
			text: fmt.Sprintf(note+note, "phase", "a", path, "x", "finally", "a", path, "y"),
			want: "p.hcl:1 phase.a and finally.a (p.hcl:5) both declare file PATH; p.hcl:5 finally.a and phase.a (p.hcl:1) both declare file PATH",
		},
		"other files": {text: fmt.Sprintf(note+note, "phase", "a", path, "x", "phase", "b", path+"2", "y")},
		"same words":  {text: "phase \"echo.say\" \"a\" { text = \"/x\" }\nphase \"echo.say\" \"b\" { text = \"/x\" }\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := planner(t, newPlugins(), tt.text).Build(t.Context(), state.New())
			var diags hcl.Diagnostics
			errors.As(err, &diags)
			var got []string
			for _, d := range diags {
				first, _, _ := strings.Cut(d.Detail, "\n\nThey")
				got = append(got, fmt.Sprintf("%s:%d %s", d.Subject.Filename, d.Subject.Start.Line, strings.Join(strings.Fields(first), " ")))
			}
			if text := strings.ReplaceAll(strings.Join(got, "; "), path, "PATH"); text != tt.want {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

// Finally phases are planned after all others, and only if those change anything.
func TestPlanFinally(t *testing.T) {
	const text = `finally "echo.say" "a" { text = "bye" }
phase "echo.say" "b" { text = "hello" }
finally "echo.say" "c" { text = phase.b.status }
`
	p := planner(t, newPlugins(), text)
	planned := build(t, p, state.New())
	var got []string
	for _, s := range planned.Steps {
		got = append(got, fmt.Sprintf("%s %s %s", s.Address, s.Action, s.Reason))
	}
	want := "phase.b apply new, finally.a apply runs after changes, finally.c later "
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}

	prior := state.New()
	step := planned.Steps[0]
	prior.Nodes["phase.b"] = &state.Node{
		Address: "phase.b", Identity: step.Identity, Status: state.Succeeded, Success: &state.Success{Inputs: step.Identity.Inputs},
	}
	planned = build(t, p, prior)
	if planned.HasChanges() || planned.Steps[1].Action != plan.Skip || planned.Steps[2].Action != plan.Skip {
		t.Errorf("nothing changes, but got %+v", planned.Steps)
	}
	if planned.Settled(p.Program).Has("finally.a") {
		t.Error("a finally phase is settled although the others did not run yet")
	}
	prior.Run.ID = "killed"
	if planned = build(t, p, prior); planned.Steps[1].Action != plan.Apply {
		t.Errorf("after a run that was killed: got %+v", planned.Steps[1])
	}
}
