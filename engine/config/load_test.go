package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
)

const valid = `phase "demo.echo" "a" {}` + "\n"

// TestLoadRefuses has the mistakes that no text file can hold.
func TestLoadRefuses(t *testing.T) {
	deep := func(open, closing string, n int) string {
		return "locals {\n  a = " + strings.Repeat(open, n) + "1" + strings.Repeat(closing, n) + "\n}\n"
	}
	tests := map[string]struct {
		text string
		want string
	}{
		"invalid UTF-8": {
			text: valid + "# ü\n# \xff\n",
			want: "init.hcl:3,3-4: Invalid text; The file init.hcl is not valid UTF-8 from here on. Save it as UTF-8; a binary file may have been given by mistake.",
		},
		"too large": {
			text: strings.Repeat("#", config.MaxFileSize+1),
			want: "<nil>: Cannot read file; init.hcl is larger than 4 MiB, so it is hardly a pipeline.",
		},
		"brackets":          {text: deep("(", ")", 300), want: "Expression too deep"},
		"brackets in lists": {text: deep("[", "]", 300), want: "Expression too deep"},
		"signs":             {text: deep("-", "", 2000), want: "Expression too deep"},
		"sums":              {text: deep("1 + ", "", 2000), want: "Expression too deep"},
		"sums over lines":   {text: "locals {\n  a = (" + strings.Repeat("1 +\n", 2000) + "1)\n}\n", want: "Expression too deep"},
		"conditions":        {text: deep("true ? 1 : ", "", 2000), want: "Expression too deep"},
		"indexes":           {text: deep("a", "[0]", 2000), want: "Expression too deep"},
		"templates":         {text: deep(`"${`, `}"`, 300), want: "Expression too deep"},
		"hidden in strings": {text: "locals {\n" + strings.Repeat("  a = \"}}}}\"\n", 1) + deep("(", ")", 300)[9:], want: "Expression too deep"},
		"hidden in heredoc": {text: "locals {\n  t = <<EOT\n" + strings.Repeat(")", 300) + "\nEOT\n  a = " + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300) + "\n}\n", want: "Expression too deep"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, diags := config.Load(fstest.MapFS{"init.hcl": {Data: []byte(tt.text)}}, "init.hcl")
			if got := diags.Error(); !strings.Contains(got, tt.want) {
				t.Errorf("Load: got %q, want %q", got, tt.want)
			}
			if p == nil || p.Root == nil {
				t.Error("Load returned no pipeline, so the mistake cannot be shown")
			}
		})
	}
}

func TestLoadTakesLongFiles(t *testing.T) {
	tests := map[string]string{
		"many blocks":  strings.Repeat("locals {}\n", 5000),
		"long list":    "locals {\n  a = [" + strings.Repeat("\"x-y\",\n", 5000) + "]\n}\n",
		"long string":  "locals {\n  a = \"" + strings.Repeat("((((", 5000) + "\"\n}\n",
		"long comment": "# " + strings.Repeat("[{(", 5000) + "\nlocals {}\n",
		"heredoc":      "locals {\n  a = <<EOT\n" + strings.Repeat("((([${1}\n", 5000) + "EOT\n}\n",
		"one line":     "locals { a = { " + strings.Repeat("x = 1, ", 3000) + " } }\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			_, diags := config.Load(fstest.MapFS{"init.hcl": {Data: []byte(text + valid)}}, "init.hcl")
			if diags.HasErrors() {
				t.Errorf("Load: %v", diags)
			}
		})
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("modules/m/b.hcl", `output "o" { value = local.x }`)
	write("modules/m/a.hcl", "locals {\n  x = 1\n}\n")
	write("modules/m/clusterflow.lock.hcl", "not = HCL for us")
	write("modules/m/.hidden.hcl", "neither is this")
	write("modules/m/notes.txt", "nor this")
	root := write("pipelines/init.hcl", `module "m" { source = "../modules/m" }`)
	absolute := write("absolute.hcl", `module "m" { source = "`+dir+`/modules/m" }`)

	for _, path := range []string{root, absolute} {
		p, diags := config.LoadFile(path)
		if diags.HasErrors() {
			t.Fatalf("LoadFile: %v", diags)
		}
		m := p.Root.Calls["m"].Module
		if m.Dir != filepath.Join(dir, "modules/m") || m.Locals["x"] == nil || m.Outputs["o"] == nil {
			t.Errorf("module: got %+v", m)
		}
		if len(p.Files) != 3 || len(p.Modules) != 2 {
			t.Errorf("got %d files and %d modules, want 3 and 2", len(p.Files), len(p.Modules))
		}
	}

	loop := write("loop/main.hcl", `module "m" { source = "./link" }`)
	if err := os.Symlink(".", filepath.Join(dir, "loop/link")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want string }{
		"directory": {dir + "/pipelines/", dir + "/pipelines/ is a directory. Give the root file in it, such as " + dir + "/pipelines/init.hcl."},
		"missing":   {dir + "/nope.hcl", "There is no file " + dir + "/nope.hcl."},
		"device":    {"/dev/null", "/dev/null: is no regular file."},
		"loop":      {loop, "There are more than 32 modules inside of each other"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, diags := config.LoadFile(tt.path)
			if !diags.HasErrors() || !strings.HasPrefix(diags[0].Detail, tt.want) {
				t.Errorf("LoadFile: got %v, want detail %q", diags, tt.want)
			}
		})
	}
}

func TestLoadKeepsPlaces(t *testing.T) {
	text := `plugin "etcd" {
  source = "./bin/etcd"
  sha256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
}

phase "pki.ca" "ca" {
  dir     = "/etc"
  timeout = "5m"
  retry {
    attempts = 3
    backoff  = "1s..2s"
  }
}
`
	p, diags := config.Load(fstest.MapFS{"init.hcl": {Data: []byte(text)}}, "init.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	at := func(r hcl.Range) string { return string(r.SliceBytes([]byte(text))) }
	ca, etcd := p.Root.Phases["ca"], p.Root.Plugins["etcd"]
	for what, pair := range map[string][2]string{
		"type":    {at(ca.TypeRange()), `"pki.ca"`},
		"head":    {at(ca.DefRange), `phase "pki.ca" "ca"`},
		"dir":     {at(ca.Config.Get("dir").NameRange), `dir`},
		"timeout": {at(ca.Timeout.Range()), `"5m"`},
		"backoff": {at(ca.Retry.Backoff.Range()), `"1s..2s"`},
		"source":  {at(etcd.SourceRange), `"./bin/etcd"`},
		"digest":  {etcd.SHA256[:8], "e3b0c442"},
		"plugin":  {ca.Plugin + " " + ca.Type, "pki ca"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", what, pair[0], pair[1])
		}
	}
	if len(p.Root.Exprs()) != 4 {
		t.Errorf("Exprs: got %d, want 4", len(p.Root.Exprs()))
	}
}
