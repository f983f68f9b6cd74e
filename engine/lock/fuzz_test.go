package lock

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
)

// FuzzParse feeds any text to the reader of lock files. What it takes can be
// written, and read again.
func FuzzParse(f *testing.F) {
	const sum = "9f2c0c6f3a1e5b7d8c4e2a6f0b1d3e5f7a9c8b6d4e2f0a1c3b5d7e9f1a2b4c6d"
	for _, seed := range []string{
		"", header, "plugin \"etcd\" {\n  version = \"1.2.0\"\n  sha256  = \"" + sum + "\"\n}\n", "plugin \"a\" {\n  sha256 = \"x\"\n}\n",
		"plugin \"a\" {\n}\nplugin \"a\" {\n}\n", "plugin {\n", "x = 1\n", "\xff", "plugin \"a\" \"b\" {}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, diags := Parse([]byte(text), "clusterflow.lock.hcl")
		if file.Source == nil {
			t.Fatal("there is no source to show mistakes in")
		}
		if diags.HasErrors() {
			return
		}
		again, diags := Parse(encode(file.Entries), "clusterflow.lock.hcl")
		if diags.HasErrors() {
			t.Fatalf("what was written cannot be read: %v", diags)
		}
		if diff := cmp.Diff(file.Entries, again.Entries, cmpopts.IgnoreTypes(hcl.Range{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after writing (-read +again):\n%s", diff)
		}
	})
}
