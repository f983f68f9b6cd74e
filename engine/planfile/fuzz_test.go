package planfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/engine/planfile"
)

// FuzzRead feeds any text to the reader of plan files. None but those that were
// sealed with the key are taken.
func FuzzRead(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	path := filepath.Join(f.TempDir(), "seed.cfplan")
	if err := planfile.Write(path, sample(), key); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("init.hcl"), []byte("evil.hcl"), 1))
	for _, seed := range []string{"", "{}", "[]", `{"format":"clusterflow plan","version":2}`, `{"format":"clusterflow plan","version":1,"plan":7}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "x.cfplan")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := planfile.Read(path)
		if err != nil {
			return
		}
		if _, err := read.Verify([]byte("another key")); err == nil {
			t.Error("a plan was taken that was not sealed with this key")
		}
		file, err := read.Verify(key)
		if err != nil {
			return
		}
		if err := planfile.Write(path, file, key); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
