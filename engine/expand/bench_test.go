package expand_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

// chain is a pipeline in which every phase reads the one before.
func chain(size int) fstest.MapFS {
	var b strings.Builder
	b.WriteString("variable \"prefix\" {\n  type    = string\n  default = \"/etc/kubernetes\"\n}\n")
	for i := range size {
		fmt.Fprintf(&b, "\nphase \"demo.echo\" \"p%04d\" {\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "  text     = phase.p%04d.text\n", i-1)
		}
		fmt.Fprintf(&b, "  value    = { dir = var.prefix, name = \"p%04d\" }\n  count_of = %d\n  timeout  = \"5m\"\n}\n", i, i)
	}
	return fstest.MapFS{"init.hcl": {Data: []byte(b.String())}}
}

// wide is a pipeline of one block with many instances that each read one of
// another.
func wide(size int) fstest.MapFS {
	text := fmt.Sprintf(`
locals { keys = [for n in range(%d) : format("k%%04d", n)] }
phase "demo.echo" "a" {
  for_each = local.keys
  text     = each.key
}
phase "demo.echo" "b" {
  for_each = local.keys
  text     = phase.a[each.key].text
}
`, size)
	return fstest.MapFS{"init.hcl": {Data: []byte(text)}}
}

func BenchmarkLoad(b *testing.B) {
	for _, size := range []int{100, 1000} {
		files := chain(size)
		b.Run(fmt.Sprintf("chain=%d", size), func(b *testing.B) {
			b.SetBytes(int64(len(files["init.hcl"].Data)))
			for b.Loop() {
				if _, diags := config.Load(files, "init.hcl"); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}

func BenchmarkExpand(b *testing.B) {
	cases := map[string]fstest.MapFS{"chain=100": chain(100), "chain=1000": chain(1000), "chain=10000": chain(10000), "wide=1000": wide(1000)}
	for _, name := range []string{"chain=100", "chain=1000", "chain=10000", "wide=1000"} {
		b.Run(name, func(b *testing.B) {
			p, diags := config.Load(cases[name], "init.hcl")
			if diags.HasErrors() {
				b.Fatal(diags)
			}
			schemas := expandtest.New()
			for b.Loop() {
				if _, diags := expand.Expand(p, nil, schemas); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}

// BenchmarkConfig evaluates every node once, as a run does. The time for each node
// must not grow with their number.
func BenchmarkConfig(b *testing.B) {
	for _, size := range []int{100, 1000, 10000} {
		for name, files := range map[string]fstest.MapFS{"chain": chain(size), "wide": wide(min(size, 1024))} {
			b.Run(fmt.Sprintf("%s=%d", name, size), func(b *testing.B) {
				prog := mustExpand(b, files, nil)
				o := expandtest.Outcomes{}
				for _, n := range prog.Nodes {
					o[n.Address] = expand.Outcome{Status: "succeeded", Outputs: cty.ObjectVal(map[string]cty.Value{"text": cty.StringVal("x")})}
				}
				for b.Loop() {
					for _, n := range prog.Nodes {
						if _, diags := n.Config(o); diags.HasErrors() {
							b.Fatal(diags)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(prog.Nodes)), "ns/node")
			})
		}
	}
}
