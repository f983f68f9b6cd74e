// Package diagtest tests diagnostics by example. An example is a txtar archive:
// what it is about, the source files, and a file called want with the text that a
// user sees.
package diagtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/clusterflow/clusterflow/engine/diag"
)

const want = "want"

// Run replays all archives in a directory. find looks for problems in the files
// of one. With UPDATE_GOLDEN set, the expected text is written instead of compared.
func Run(t *testing.T, dir string, find func(t *testing.T, files fstest.MapFS) (map[string]*hcl.File, hcl.Diagnostics)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples in %s (%v)", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sources, diags := find(t, filesOf(archive))
			var text strings.Builder
			diag.Write(&text, sources, diags, diag.Options{Width: 100})
			compare(t, path, archive, text.String())
		})
	}
}

func filesOf(archive *txtar.Archive) fstest.MapFS {
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		if f.Name != want {
			files[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return files
}

func compare(t *testing.T, path string, archive *txtar.Archive, got string) {
	t.Helper()
	var expected string
	kept := archive.Files[:0:0]
	for _, f := range archive.Files {
		if f.Name == want {
			expected = string(f.Data)
			continue
		}
		kept = append(kept, f)
	}
	if got == expected {
		return
	}
	if os.Getenv("UPDATE_GOLDEN") == "" {
		t.Errorf("%s (-want +got):\n%s", path, cmp.Diff(expected, got))
		return
	}
	archive.Files = append(kept, txtar.File{Name: want, Data: []byte(got)})
	if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
