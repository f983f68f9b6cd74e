package lock_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag/diagtest"
	"github.com/clusterflow/clusterflow/engine/lock"
)

func digest(c string) string { return strings.Repeat(c, 64) }

// What was written is read back, and does not depend on the order of the entries.
func TestWriteRead(t *testing.T) {
	path := lock.Beside(filepath.Join(t.TempDir(), "init.hcl"))
	if f, diags := lock.Read(path); diags.HasErrors() || f.Source != nil || len(f.Entries) > 0 {
		t.Errorf("no file: got %+v, %v", f, diags)
	}
	a, b := lock.Entry{Name: "a", SHA256: digest("a")}, lock.Entry{Name: "b", Version: "1.2.0", SHA256: digest("b")}
	for _, entries := range [][]lock.Entry{{b, a}, {a, b}} {
		if err := lock.Write(path, entries); err != nil {
			t.Fatal(err)
		}
		want := `# Made by clusterflow plugins lock. It belongs into version control: it pins the
# plugins that are not part of clusterflow.

plugin "a" {
  sha256 = "` + digest("a") + `"
}

plugin "b" {
  version = "1.2.0"
  sha256  = "` + digest("b") + `"
}
`
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("Write: got %s, %v, want %s", got, err, want)
		}
		f, diags := lock.Read(path)
		if diags.HasErrors() || len(f.Entries) != 2 {
			t.Fatalf("Read: got %+v, %v", f, diags)
		}
		got, ok := f.Entry("b")
		if !ok || got.Version != b.Version || got.SHA256 != b.SHA256 || got.Range.Start.Line != 10 {
			t.Errorf("Entry: got %+v, %t", got, ok)
		}
		if _, ok := f.Entry("c"); ok {
			t.Error("Entry(c): there is one")
		}
	}
	if err := lock.Write(path, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a lock without entries leaves a file: %v", err)
	}
	if err := lock.Write(path, nil); err != nil {
		t.Errorf("Write without a file: %v", err)
	}
}

func TestMistakes(t *testing.T) {
	diagtest.Run(t, "testdata/mistakes", func(t *testing.T, files fstest.MapFS) (map[string]*hcl.File, hcl.Diagnostics) {
		t.Helper()
		name := "clusterflow.lock.hcl"
		f, diags := lock.Parse(files[name].Data, name)
		return map[string]*hcl.File{name: f.Source}, diags
	})
}
