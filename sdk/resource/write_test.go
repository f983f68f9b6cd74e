package resource

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestWriteFileSweeps leaves what a killed write leaves: a temporary file that
// may hold a key. The next write and the removal take it away, and nothing else:
// neither a file of a similar name nor one that is being written beside it.
func TestWriteFileSweeps(t *testing.T) {
	for name, act := range map[string]func(path string) error{
		"write":  func(path string) error { return WriteFile(path, []byte("new"), 0o600) },
		"remove": RemoveFile,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{".sa.key.clusterflow-5577006791947779410", ".sa.key", ".sa.key.clusterflow-7x", ".sa.key7", "sa.key", ".sa.key1.clusterflow-7"} {
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
			want := []string{".sa.key", ".sa.key.clusterflow-7x", ".sa.key1.clusterflow-7", ".sa.key7", "sa.key"}
			if name == "remove" {
				want = want[:4]
			}
			if !slices.Equal(got, want) {
				t.Errorf("left: got %v, want %v", got, want)
			}
		})
	}
}

// TestWriteFileFails leaves nothing behind.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left: got %v, %v, want only the directory", entries, err)
	}
}
