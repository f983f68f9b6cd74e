package plan_test

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// undoOf plans a pipeline whose module m is undone.
func undoOf(t *testing.T, root, module string, prior *state.State) map[string]*plan.Step {
	t.Helper()
	source, diags := config.Load(fstest.MapFS{"p.hcl": {Data: []byte(root)}, "m/main.hcl": {Data: []byte(module)}}, "p.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	plugins := newPlugins()
	program, diags := expand.Expand(source, nil, plugins)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p := &plan.Planner{Program: program, Plugins: plugins, Key: []byte("a key")}
	steps := map[string]*plan.Step{}
	for _, s := range build(t, p, prior).Steps {
		steps[strings.TrimPrefix(s.Address, "module.m.phase.")] = s
	}
	return steps
}

const undoneCall = `module "m" {
  source    = "./m"
  direction = "undo"
`

// A phase is looked for with what those that it uses would give, though none of
// them is recorded.
func TestUndoObserves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "note")
	write(t, path, "x")
	steps := undoOf(t, undoneCall+"}", `phase "echo.say" "name" { text = "`+path+`" }
phase "echo.note" "note" {
  path = phase.name.text
  text = "x"
}
phase "echo.note" "other" {
  path = "${phase.note.path}-2"
  text = "x"
}
phase "echo.note" "late" {
  path = phase.name.node
  text = "x"
}
`, state.New())
	note := steps["note"]
	if note.Action != plan.Apply || !note.Undo || len(note.Changes) != 1 || note.Changes[0].Op != sdk.OpDelete || note.Changes[0].Target != path {
		t.Errorf("note: got %s %+v", note.Action, note.Changes)
	}
	if s := steps["other"]; s.Action != plan.None || len(s.Diagnostics) > 0 {
		t.Errorf("other: got %s %v", s.Action, s.Diagnostics)
	}
	if s := steps["late"]; s.Action != plan.None || len(s.Diagnostics) != 1 || !strings.Contains(s.Diagnostics[0].Summary, "left alone") {
		t.Errorf("late: got %s %v", s.Action, s.Diagnostics)
	}
}

// What comes from outside of the module may be known only during the run, unless
// there is a record.
func TestUndoWaits(t *testing.T) {
	const root = `phase "echo.say" "name" { text = "x" }
` + undoneCall + `  path = phase.name.node
}`
	const module = `variable "path" {}
phase "echo.note" "note" {
  path = var.path
  text = "x"
}`
	if s := undoOf(t, root, module, state.New())["note"]; s.Action != plan.Later || len(s.After) != 1 || s.After[0] != "phase.name" {
		t.Errorf("got %s after %v", s.Action, s.After)
	}
	path := filepath.Join(t.TempDir(), "note")
	write(t, path, "x")
	prior := state.New()
	prior.Nodes["module.m.phase.note"] = &state.Node{
		Identity: state.Identity{Type: "echo.note"}, Status: state.Succeeded, Private: []byte(path),
	}
	s := undoOf(t, root, module, prior)["note"]
	if s.Action != plan.Apply || len(s.Changes) != 1 || s.Changes[0].Target != path || string(s.Private) != path {
		t.Errorf("recorded: got %s %+v", s.Action, s.Changes)
	}
	prior.Nodes["module.m.phase.note"].Type = "echo.say"
	s = undoOf(t, strings.ReplaceAll(root, "phase.name.node", `"absent"`), module, prior)["note"]
	if s.Action != plan.None || len(s.Diagnostics) != 1 || !strings.Contains(s.Diagnostics[0].Summary, "made as echo.say stays") {
		t.Errorf("of another type: got %s %v", s.Action, s.Diagnostics)
	}
}

func TestUndoWhen(t *testing.T) {
	steps := undoOf(t, undoneCall+"}", `phase "echo.say" "a" { text = "a" }
phase "echo.note" "never" {
  path = "/absent/never"
  text = "x"
  when = false
}
phase "echo.note" "failed" {
  path = "/absent/failed"
  text = "x"
  when = phase.a.status == "failed"
}
phase "echo.note" "told" {
  path = "/absent/told"
  text = "x"
  when = phase.a.node == "x"
}
`, state.New())
	for name, want := range map[string]plan.Action{"never": plan.Skip, "failed": plan.Skip, "told": plan.None} {
		if got := steps[name].Action; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
