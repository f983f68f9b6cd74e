package plan_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

// Phases are decided later when their inputs come from phases that have changes,
// and their conditions when they hang on how others end.
func TestLater(t *testing.T) {
	p := planner(t, newPlugins(), `
phase "echo.say" "a" { text = "a" }
phase "echo.say" "known" { text = phase.a.text }
phase "echo.say" "late" { text = phase.a.node }
phase "echo.say" "later" { text = phase.late.text }
phase "echo.say" "if" {
  text = "if"
  when = phase.a.status == "failed"
}
phase "echo.say" "off" {
  text = "off"
  when = false
}
phase "echo.say" "after_off" { text = coalesce(phase.off.text, "nothing") }
`)
	want := map[string]string{
		"a": "apply new []", "known": "apply new []", "late": "later  [phase.a]", "later": "later  [phase.late]",
		"if": "later its condition depends on other phases [phase.a]", "off": "skip its condition is false []", "after_off": "apply new []",
	}
	planned := build(t, p, state.New())
	for _, s := range planned.Steps {
		name := strings.TrimPrefix(s.Address, "phase.")
		if got := fmt.Sprintf("%s %s %v", s.Action, s.Reason, s.After); got != want[name] {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
	if !planned.HasChanges() {
		t.Error("the plan has changes")
	}
}

// Steps come in an order in which they could run one after another, and that
// order is always the same.
func TestOrder(t *testing.T) {
	text := ""
	for i := range 30 {
		text += fmt.Sprintf("phase \"echo.say\" \"p%d\" {\n  text = \"x\"\n", i)
		if i > 0 {
			text += fmt.Sprintf("  depends_on = [phase.p%d]\n", (i-1)/2)
		}
		text += "}\n"
	}
	p := planner(t, newPlugins(), text)
	var first []string
	for range 3 {
		var order []string
		for _, s := range build(t, p, state.New()).Steps {
			n, _ := p.Program.Node(s.Address)
			for _, e := range n.Edges {
				if !slices.Contains(order, e.To) {
					t.Errorf("%s comes before %s", s.Address, e.To)
				}
			}
			order = append(order, s.Address)
		}
		if first == nil {
			first = order
		}
		if !slices.Equal(order, first) {
			t.Errorf("another order: %v, then %v", first, order)
		}
	}
}

// Settled are unchanged phases that only depend on such.
func TestSettled(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "a")
	write(t, filepath.Join(dir, "c"), "c")
	p := planner(t, newPlugins(), fmt.Sprintf(`
phase "echo.note" "a" {
  path = "%[1]s/a"
  text = "a"
}
phase "echo.note" "b" {
  path = "%[1]s/b"
  text = phase.a.path
}
phase "echo.note" "c" {
  path       = "%[1]s/c"
  text       = "c"
  depends_on = [phase.b]
}
phase "echo.note" "d" {
  path = "%[1]s/d"
  text = phase.a.path
  when = false
}`, dir))
	settled := build(t, p, state.New()).Settled(p.Program)
	var got []string
	for _, n := range p.Program.Nodes {
		if settled.Has(n.Address) {
			got = append(got, n.Address)
		}
	}
	if want := []string{"phase.a", "phase.d"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	p.Settled = settled
	a, _ := p.Program.Node("phase.a")
	step, err := p.Step(t.Context(), a, plan.Situation{Outcomes: plan.Outcomes{}})
	if err != nil || step.Action != plan.None || step.Outputs.GetAttr("path").AsString() != filepath.Join(dir, "a") {
		t.Errorf("settled step: got %+v, %v, want its outputs", step, err)
	}
	if settled.Has("phase.a") {
		t.Error("a step that was used is still kept")
	}
}

// Outcomes are those that something may ask for.
func TestOutcomesThatAreRead(t *testing.T) {
	p := planner(t, newPlugins(), `
phase "echo.say" "data" { text = "x" }
phase "echo.say" "order" { text = "x" }
phase "echo.say" "output" { text = "x" }
phase "echo.say" "unread" { text = "x" }
phase "echo.say" "user" {
  text       = phase.data.text
  depends_on = [phase.order]
}
output "text" { value = phase.output.text }
`)
	var got []string
	for _, n := range p.Program.Nodes {
		if n.Read() {
			got = append(got, n.Address)
		}
	}
	if want := []string{"phase.data", "phase.order", "phase.output"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// All mistakes are reported at once, each at its place, and what depends on them
// is not.
func TestBuildReportsAll(t *testing.T) {
	dir := t.TempDir()
	p := planner(t, newPlugins(), fmt.Sprintf(`
phase "echo.note" "a" {
  path = %q
  text = "a directory is no file"
}
phase "echo.say" "b" {
  text = "b"
  precondition {
    condition     = 1 > 2
    error_message = "Never."
  }
}
phase "echo.say" "c" {
  text       = "c"
  depends_on = [phase.a]
}`, dir))
	planned, err := p.Build(t.Context(), state.New())
	var diags hcl.Diagnostics
	if !errors.As(err, &diags) || len(diags) != 2 {
		t.Fatalf("got %v, want two diagnostics", err)
	}
	for i, line := range []int{2, 9} {
		if got := diags[i].Subject.Start.Line; got != line {
			t.Errorf("diagnostic %d is at line %d, want %d: %s", i, got, line, diags[i].Summary)
		}
	}
	if len(planned.Steps) != 3 {
		t.Errorf("got %d steps, want 3", len(planned.Steps))
	}
}

func TestBuildInterrupted(t *testing.T) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := planner(t, newPlugins(), `phase "echo.say" "a" { text = "a" }`).Build(ctx, state.New()); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}
