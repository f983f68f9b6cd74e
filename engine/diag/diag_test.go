package diag_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/diag"
)

const source = `phase "pki.ca" "ca" {
	dir = "ü/etc" + local.x
  sans = [
    "a",
    "b",
  ]
  long = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + var.here + "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  bell = "` + "\x1b[31mred" + `"
}
`

func parsed(t *testing.T) map[string]*hcl.File {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(source), "x.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return map[string]*hcl.File{"x.hcl": file}
}

// at is the range of the first occurrence of a text in the source.
func at(text string) *hcl.Range {
	i := strings.Index(source, text)
	start := hcl.Pos{Line: 1 + strings.Count(source[:i], "\n"), Byte: i}
	start.Column = 1 + len([]rune(source[strings.LastIndexByte(source[:i], '\n')+1:i]))
	end := hcl.Pos{Line: start.Line + strings.Count(text, "\n"), Byte: i + len(text), Column: start.Column + len([]rune(text))}
	return &hcl.Range{Filename: "x.hcl", Start: start, End: end}
}

func TestWrite(t *testing.T) {
	tests := map[string]struct {
		diag hcl.Diagnostic
		opts diag.Options
		want string
	}{
		"plain": {
			diag: hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown local", Detail: "There is no local \"x\".", Subject: at("local.x")},
			want: `Error: Unknown local

  on x.hcl line 2, in phase "pki.ca" "ca":
   2 |  dir = "ü/etc" + local.x
     |                  ^^^^^^^

  There is no local "x".

`,
		},
		"several lines": {
			diag: hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Odd list", Subject: at("[\n    \"a\",\n    \"b\",\n  ]")},
			want: `Warning: Odd list

  on x.hcl line 3, in phase "pki.ca" "ca":
   3 |   sans = [
     |          ^
   4 |     "a",
     |     ^^^^
   5 |     "b",
     |     ^^^^
   6 |   ]
     |   ^

`,
		},
		"long line": {
			diag: hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Long", Detail: "Code stays whole, text does not:\n\n  a very long line of code that is not broken\n\nThis text is broken at the width.", Subject: at("var.here")},
			opts: diag.Options{Width: 40},
			want: `Error: Long

  on x.hcl line 7, in phase "pki.ca" "ca":
   7 | …aaaaaaa" + var.here + "bbbbbbbb…
     |             ^^^^^^^^

  Code stays whole, text does not:

    a very long line of code that is not broken

  This text is broken at the width.

`,
		},
		"no place": {
			diag: hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown variable", Detail: "--var sets it."},
			want: "Error: Unknown variable\n\n  --var sets it.\n\n",
		},
		"no source": {
			diag: hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Lost", Subject: &hcl.Range{Filename: "y.hcl", Start: hcl.Pos{Line: 3}}},
			want: "Error: Lost\n\n  on y.hcl line 3:\n\n",
		},
		"escape sequences": {
			diag: hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Bad\x1b[2J", Detail: "a\x07b", Subject: at("\"\x1b")},
			want: "Error: Bad\uFFFD[2J\n\n  on x.hcl line 8, in phase \"pki.ca\" \"ca\":\n   8 |   bell = \"\uFFFD[31mred\"\n     |          ^^\n\n  a\uFFFDb\n\n",
		},
		"color": {
			diag: hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown local", Subject: at("local.x")},
			opts: diag.Options{Color: true},
			want: "\x1b[1m\x1b[31mError:\x1b[0m \x1b[1mUnknown local\x1b[0m\n\n  on x.hcl line 2, in phase \"pki.ca\" \"ca\":\n\x1b[2m   2 | \x1b[0m dir = \"ü/etc\" + \x1b[1mlocal.x\x1b[0m\n\x1b[2m     | \x1b[0m                 \x1b[31m^^^^^^^\x1b[0m\n\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			diag.Write(&got, parsed(t), hcl.Diagnostics{&tt.diag}, tt.opts)
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Errorf("Write (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteShowsValuesButNoSecrets(t *testing.T) {
	expr, diags := hclsyntax.ParseExpression([]byte(`a + b + c + d["x"]`), "x.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d := &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Sum", Subject: at("local.x"), Expression: expr,
		EvalContext: &hcl.EvalContext{Variables: map[string]cty.Value{
			"a": cty.StringVal("text"),
			"b": cty.StringVal("hunter2").Mark("sensitive"),
			"c": cty.UnknownVal(cty.String),
			"d": cty.ObjectVal(map[string]cty.Value{"x": cty.NumberIntVal(7)}),
		}},
	}
	var got strings.Builder
	diag.Write(&got, parsed(t), hcl.Diagnostics{d}, diag.Options{})
	want := "     | a is \"text\"\n     | d[\"x\"] is 7\n"
	if !strings.Contains(got.String(), want) || strings.Contains(got.String(), "hunter2") {
		t.Errorf("Write: got %s, want it to contain %s", got.String(), want)
	}
}

func TestWriteJSON(t *testing.T) {
	var got strings.Builder
	diag.WriteJSON(&got, parsed(t), hcl.Diagnostics{
		{Severity: hcl.DiagError, Summary: "Unknown <local>", Detail: "No.", Subject: at("local.x")},
		{Severity: hcl.DiagWarning, Summary: "Without a place"},
	})
	want := `{"type":"diagnostic","severity":"error","summary":"Unknown <local>","detail":"No.","range":{"file":"x.hcl","start":{"line":2,"column":18,"byte":40},"end":{"line":2,"column":25,"byte":47}},"block":"phase \"pki.ca\" \"ca\"","code":"\tdir = \"ü/etc\" + local.x"}
{"type":"diagnostic","severity":"warning","summary":"Without a place"}
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("WriteJSON (-want +got):\n%s", diff)
	}
}

// A generated file may have one mistake ten thousand times.
func TestWriteMany(t *testing.T) {
	var diags hcl.Diagnostics
	for range 10000 {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong"})
	}
	var b strings.Builder
	diag.Write(&b, nil, diags, diag.Options{})
	if got := b.String(); strings.Count(got, "Error: Wrong") != 50 || !strings.HasSuffix(got, "\n9950 more problems are not shown.\n") {
		t.Errorf("got %d problems and the end %q", strings.Count(got, "Error: Wrong"), got[len(got)-60:])
	}
}
