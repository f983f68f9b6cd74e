// Package sdktest checks plugins. It is for their authors:
//
//	func TestMain(m *testing.M) { sdktest.Main(m, motd.Spec()) }
//
//	func TestPlugin(t *testing.T) {
//		sdktest.Run(t, motd.Spec(), sdktest.Case{
//			Type: "banner",
//			Config: func(dir string) map[string]any {
//				return map[string]any{"path": dir + "/motd", "text": "hello"}
//			},
//		})
//	}
//
// Every case is run in memory, over gRPC, and, thanks to [Main], in a process that
// is killed in the middle of its work. It demands what the engine relies on: that a
// plan writes nothing and that two plans are equal; that apply does what was
// planned, leaves nothing for a second plan, and may run again; that a phase can be
// cancelled and killed at any point and still converges; that undo leaves nothing
// behind, twice, from the record as well as without it; and that secrets stay out
// of everything that is stored or shown.
//
// The package knows no phase type: what a plugin's own settings mean, its own
// tests must say. It never runs as part of a plugin.
package sdktest

import (
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
)

// Run checks a Spec and every case by all means: in memory, over gRPC and, if
// TestMain calls [Main], in processes that get killed. Types without a case are
// shown as skipped.
func Run(t *testing.T, spec sdk.Spec, cases ...Case) {
	t.Helper()
	if !t.Run("spec", func(t *testing.T) { checkSpec(t, spec, cases) }) {
		return
	}
	t.Run("memory", func(t *testing.T) { Conformance(t, sdk.Direct(spec), cases...) })
	t.Run("grpc", func(t *testing.T) { Conformance(t, OverGRPC(t, spec), cases...) })
	t.Run("process", func(t *testing.T) { survivesKill(t, spec.Name, cases) })
}

// Conformance runs cases against one client, whatever is behind it.
func Conformance(t *testing.T, client sdk.Client, cases ...Case) {
	t.Helper()
	d, err := client.Describe(t.Context())
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	if err := sdk.ValidateDescription(d); err != nil {
		t.Fatalf("description: %v", err)
	}
	for _, c := range cases {
		typ, ok := d.Type(c.Type)
		if !ok {
			t.Errorf("case %s: plugin %q has no type %q", c.name(), d.Name, c.Type)
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			start := func(t *testing.T) *phase {
				t.Helper()
				return newPhase(t, client, typ, c)
			}
			t.Run("validate", func(t *testing.T) { checkValidate(start(t)) })
			t.Run("apply", func(t *testing.T) { checkApply(start(t)) })
			t.Run("cancel", func(t *testing.T) { checkCancel(start(t)) })
			t.Run("undo", func(t *testing.T) { checkUndo(start(t)) })
			t.Run("undo from record", func(t *testing.T) { checkUndoFromRecord(start(t)) })
			t.Run("undo without record", func(t *testing.T) { checkUndoWithoutRecord(start(t)) })
		})
	}
}

func checkSpec(t *testing.T, spec sdk.Spec, cases []Case) {
	t.Helper()
	if err := sdk.ValidateSpec(spec); err != nil {
		t.Fatal(err)
	}
	if spec.Doc == "" {
		t.Errorf("plugin %q: no Doc", spec.Name)
	}
	for _, typ := range spec.Types {
		block := `phase "` + spec.Name + "." + typ.Name + `"`
		if !strings.Contains(typ.Example, block) {
			t.Errorf("type %q: its Example has no block %s", typ.Name, block)
		}
		t.Run(typ.Name, func(t *testing.T) {
			for _, c := range cases {
				if c.Type == typ.Name {
					return
				}
			}
			t.Skip("no case")
		})
	}
	for _, f := range spec.Functions {
		if f.Doc == "" {
			t.Errorf("function %q: no Doc", f.Name)
		}
	}
}
