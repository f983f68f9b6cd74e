package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// tricky has ends of blocks where there are none.
const tricky = `# }
locals { a = 1 }
/* comment
}
phase "core.noop" "no" {}
*/
phase "core.file" "a" {
  path    = "/a"
  content = <<EOT
}
phase "core.noop" "text" {
}
EOT
}
locals {
  object = {
    a = "${"}"}"
}
  list = [{
}, {}]
}

phase "core.noop" "é" { value = "ä" }
phase "core.noop" "b" {
  value = [for x in [1] : {
    x = x
}]
  retry {
    attempts = 2
}
}
`

// parsed lists blocks and their attributes with their places.
func parsed(body *hclsyntax.Body) []string {
	var out []string
	for _, b := range body.Blocks {
		out = append(out, fmt.Sprint(b.Type, b.Labels, b.LabelRanges, b.DefRange(), b.Range()))
		for _, a := range attributesInOrder(b.Body) {
			out = append(out, fmt.Sprint(a.Name, a.NameRange, a.Expr.Range()))
		}
		out = append(out, parsed(b.Body)...)
	}
	return out
}

// However a text is cut, it has the same blocks at the same places.
func TestParseBlocks(t *testing.T) {
	for name, text := range map[string]string{
		"tricky": tricky, "crlf": strings.ReplaceAll(tricky, "\n", "\r\n"), "no newline at the end": strings.TrimSpace(tricky),
	} {
		t.Run(name, func(t *testing.T) {
			file, diags := hclsyntax.ParseConfig([]byte(text), "a.hcl", hcl.InitialPos)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			want := parsed(file.Body.(*hclsyntax.Body))
			for chunk := 1; chunk <= len(text)+1; chunk++ {
				var got []string
				parts := 0
				valid := parseBlocks([]byte(text), "a.hcl", chunk, func(b *hclsyntax.Body) { got, parts = append(got, parsed(b)...), parts+1 })
				if !valid || !slices.Equal(got, want) {
					t.Fatalf("in parts of %d bytes: valid %v, got\n%s\nwant\n%s", chunk, valid, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if chunk == 1 && parts < 2 {
					t.Errorf("cut into %d parts, want more", parts)
				}
			}
		})
	}
}

func FuzzParseBlocks(f *testing.F) {
	f.Add([]byte(tricky), 1)
	f.Add([]byte("a = <<E\n}\nE\n"), 3)
	f.Add([]byte("locals {\n}\n/*\nlocals {\n}\n"), 1)
	f.Fuzz(func(t *testing.T, src []byte, chunk int) {
		if checkText(src, "a.hcl").HasErrors() || chunk < 1 {
			return
		}
		file, diags := hclsyntax.ParseConfig(src, "a.hcl", hcl.InitialPos)
		var got []string
		valid := parseBlocks(src, "a.hcl", chunk, func(b *hclsyntax.Body) { got = append(got, parsed(b)...) })
		if valid == diags.HasErrors() && !redefined(diags) {
			t.Fatalf("in parts: valid %v; as a whole: %v", valid, diags)
		}
		if valid && !diags.HasErrors() {
			if want := parsed(file.Body.(*hclsyntax.Body)); !slices.Equal(got, want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}

// redefined reports an argument outside of blocks that is there twice. It is refused
// once or twice, as no argument stands there.
func redefined(diags hcl.Diagnostics) bool {
	return slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return d.Summary == "Attribute redefined" })
}
