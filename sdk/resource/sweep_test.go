package resource

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestWriteFileSweeps leaves what a killed write leaves: a temporary file that
// may hold a key. The next write and the removal take it away, and nothing else.
func TestWriteFileSweeps(t *testing.T) {
	for name, act := range map[string]func(path string) error{
		"write":  func(path string) error { return WriteFile(path, []byte("new"), 0o600) },
		"remove": RemoveFile,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{".sa.key5577006791947779410", ".sa.key", ".sa.key.bak", ".sa.key7x", "sa.key", ".sa.pub1"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := act(filepath.Join(dir, "sa.key")); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				got = append(got, e.Name())
			}
			want := []string{".sa.key", ".sa.key.bak", ".sa.key7x", ".sa.pub1", "sa.key"}
			if name == "remove" {
				want = want[:4]
			}
			if !slices.Equal(got, want) {
				t.Errorf("left: got %v, want %v", got, want)
			}
		})
	}
}
