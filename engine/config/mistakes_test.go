package config_test

import (
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag/diagtest"
)

// TestMistakes shows what users see for mistakes in the text. init.hcl is the root
// file of each example.
func TestMistakes(t *testing.T) {
	diagtest.Run(t, "testdata/mistakes", func(_ *testing.T, files fstest.MapFS) (map[string]*hcl.File, hcl.Diagnostics) {
		p, diags := config.Load(files, "init.hcl")
		return p.Files, diags
	})
}
