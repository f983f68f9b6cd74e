//go:build unix

package resource

import (
	"os"
	"path/filepath"
	"testing"
)

// A log that grew long is begun anew at the next start; what was before is kept once.
// That of somebody else is left alone.
func TestProcessLogIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		size    int64
		foreign bool
		moved   bool
	}{
		"short":   {maxLog, false, false},
		"long":    {maxLog + 1, false, true},
		"foreign": {maxLog + 1, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, "serve")
			p.recalled, p.KeepLog = true, tt.foreign
			for _, path := range []string{p.LogFile, earlier(p.LogFile)} {
				write(t, mkdirFor(t, path), "")
			}
			if err := os.Truncate(p.LogFile, tt.size); err != nil {
				t.Fatal(err)
			}
			mustRender(t, p)
			if info, err := os.Stat(p.LogFile); err != nil || (info.Size() < tt.size) != tt.moved {
				t.Errorf("the log: %v, %v, want that it is new: %v", info, err, tt.moved)
			}
			if info, err := os.Stat(earlier(p.LogFile)); err != nil || (info.Size() == tt.size) != tt.moved {
				t.Errorf("the one before: %v, %v, want that it is of this program: %v", info, err, tt.moved)
			}
			if err := p.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{p.LogFile, earlier(p.LogFile)} {
				if _, err := os.Stat(path); (err == nil) != tt.foreign {
					t.Errorf("%s after Remove: %v, want that it stays: %v", path, err, tt.foreign)
				}
			}
		})
	}
}

// mkdirFor makes the directory of path.
func mkdirFor(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
