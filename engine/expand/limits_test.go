package expand_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

// TestTooManyInstances has small texts that mean too much.
func TestTooManyInstances(t *testing.T) {
	doubling := fstest.MapFS{"init.hcl": {Data: []byte("module \"a\" { source = \"./m0\" }\n")}}
	for i := range 25 {
		text := fmt.Sprintf("module \"a\" { source = \"../m%d\" }\nmodule \"b\" { source = \"../m%d\" }\n", i+1, i+1)
		doubling[fmt.Sprintf("m%d/main.hcl", i)] = &fstest.MapFile{Data: []byte(text)}
	}
	doubling["m25/main.hcl"] = &fstest.MapFile{Data: []byte("phase \"demo.echo\" \"x\" {}\n")}
	many := "locals { r = [for i in range(400) : tostring(i)] }\nphase \"demo.echo\" \"x\" {\n  for_each = toset([for p in setproduct(local.r, local.r) : join(\"-\", p)])\n}\n"
	for name, pipeline := range map[string]fstest.MapFS{"modules": doubling, "for_each": files(many)} {
		t.Run(name, func(t *testing.T) {
			p, diags := config.Load(pipeline, "init.hcl")
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			_, diags = expand.Expand(p, nil, expandtest.New())
			if !strings.Contains(diags.Error(), "Too many instances") {
				t.Errorf("Expand: got %v", diags)
			}
		})
	}
}

// TestLongChains has values that depend on each other over many steps.
func TestLongChains(t *testing.T) {
	var b strings.Builder
	b.WriteString("phase \"demo.echo\" \"x\" {\n  text = local.v5000\n}\nlocals {\n  v0 = \"a\"\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  v%d = local.v%d\n", i+1, i)
	}
	b.WriteString("}\n")
	prog := mustExpand(t, files(b.String()), nil)
	v, diags := node(t, prog, "phase.x").Config(nil)
	if diags.HasErrors() || v.GetAttr("text").AsString() != "a" {
		t.Errorf("Config: got %#v, %v", v, diags)
	}
}
