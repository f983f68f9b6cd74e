package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/engine/state"
)

func TestOwns(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"a.hcl", "b.hcl"} {
		if err := os.WriteFile(file(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a.hcl", file("link.hcl")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		recorded, given string
		refused         bool
	}{
		"the same":               {recorded: file("a.hcl"), given: file("a.hcl")},
		"another":                {recorded: file("a.hcl"), given: file("b.hcl"), refused: true},
		"another path to it":     {recorded: file("a.hcl"), given: file("link.hcl")},
		"moved":                  {recorded: file("old.hcl"), given: file("b.hcl")},
		"undo without a file":    {recorded: file("a.hcl"), given: file("gone.hcl")},
		"a copy of a built-in":   {recorded: "", given: file("a.hcl")},
		"built-in after a file":  {recorded: file("a.hcl"), given: "", refused: true},
		"built-in, file is gone": {recorded: file("old.hcl"), given: ""},
		"built-in both":          {},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			recorded := state.New()
			recorded.Run.Path = tt.recorded
			recorded.Nodes["phase.a"] = &state.Node{}
			p := &Pipeline{file: tt.given, engine: &Engine{}}
			var other *OtherPipelineError
			if err := p.owns(recorded); errors.As(err, &other) != tt.refused {
				t.Errorf("owns: %v", err)
			}
			if err := p.owns(state.New()); err != nil {
				t.Errorf("a state without records is refused: %v", err)
			}
		})
	}
}
