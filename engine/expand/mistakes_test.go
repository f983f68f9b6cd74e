package expand_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag/diagtest"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

// TestMistakes shows what users see for mistakes that only schemas and values
// bring to light. A file called vars holds lines name=value, as with --var.
func TestMistakes(t *testing.T) {
	diagtest.Run(t, "testdata/mistakes", func(t *testing.T, files fstest.MapFS) (map[string]*hcl.File, hcl.Diagnostics) {
		t.Helper()
		p, diags := config.Load(files, "init.hcl")
		if diags.HasErrors() {
			t.Fatalf("load: %s", diags.Error())
		}
		prog, diags := expand.Expand(p, variables(files), expandtest.New())
		if !diags.HasErrors() {
			_, diags = prog.Outputs(expand.NoOutcomes{})
		}
		return p.Files, diags
	})
}

func variables(files fstest.MapFS) map[string]expand.VarInput {
	vars := map[string]expand.VarInput{}
	if f := files["vars"]; f != nil {
		for line := range strings.Lines(string(f.Data)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			vars[name] = expand.VarInput{Raw: value, Source: "--var"}
		}
	}
	return vars
}
