package pipelines_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/pipelines"
)

// TestFiles checks that the binary has every HCL file of this directory.
func TestFiles(t *testing.T) {
	got, want := list(t, pipelines.Files()), list(t, os.DirFS("."))
	if !slices.Equal(got, want) {
		t.Errorf("embedded are %q\nwant %q", got, want)
	}
}

// TestLoad loads every pipeline from inside of the binary, with its modules.
func TestLoad(t *testing.T) {
	for _, name := range pipelines.Names() {
		file, ok := pipelines.Path(name)
		if !ok {
			t.Fatalf("Path(%q): not found", name)
		}
		p, diags := config.Load(pipelines.Files(), file)
		if diags.HasErrors() {
			t.Errorf("load %s: %v", file, diags)
		}
		if source := p.Files[file].Bytes; pipelines.Doc(source) == "" {
			t.Errorf("%s: there is no comment at the top that says what it is for", file)
		}
	}
}

// TestFormatted checks that all files are as clusterflow fmt would write them.
func TestFormatted(t *testing.T) {
	for _, name := range list(t, pipelines.Files()) {
		source, err := fs.ReadFile(pipelines.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(hclwrite.Format(source), source) {
			t.Errorf("%s is not formatted: clusterflow fmt pipelines", name)
		}
	}
}

// TestVariablesUsed checks that what a user may set does something: each variable
// is read by the module that declares it, or by a pipeline that includes its file.
func TestVariablesUsed(t *testing.T) {
	type module = map[string]bool
	declared, read := map[string]module{}, map[string]module{}
	for _, name := range list(t, pipelines.Files()) {
		source, err := fs.ReadFile(pipelines.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(name)
		if dir == "config" { // only ever included
			dir = "."
		}
		if declared[dir] == nil {
			declared[dir], read[dir] = module{}, module{}
		}
		file, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		body := file.Body.(*hclsyntax.Body)
		for _, block := range body.Blocks {
			if block.Type == "variable" {
				declared[dir][block.Labels[0]] = true
			}
		}
		_ = hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
			if e, is := node.(*hclsyntax.ScopeTraversalExpr); is && e.Traversal.RootName() == "var" && len(e.Traversal) > 1 {
				if attr, is := e.Traversal[1].(hcl.TraverseAttr); is {
					read[dir][attr.Name] = true
				}
			}
			return nil
		})
	}
	for dir, names := range declared {
		for name := range names {
			if !read[dir][name] {
				t.Errorf("%s: variable %q is declared and nothing reads it", dir, name)
			}
		}
	}
}

func TestPath(t *testing.T) {
	tests := map[string]struct {
		want  string
		known bool
	}{
		"embedded":               {"embedded.hcl", true},
		"embedded.hcl":           {"embedded.hcl", true},
		"absent":                 {"absent.hcl", false},
		"pipelines/embedded.hcl": {"pipelines/embedded.hcl", false},
	}
	for name, tt := range tests {
		if got, known := pipelines.Path(name); got != tt.want || known != tt.known {
			t.Errorf("Path(%q): got %q, %t, want %q, %t", name, got, known, tt.want, tt.known)
		}
	}
}

func list(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(name) == pipelines.Extension {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
