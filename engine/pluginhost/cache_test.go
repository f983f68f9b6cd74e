package pluginhost

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Writing to the cache removes what is old or too much.
func TestCachePrune(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	put := func(name string, age time.Duration) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	put("old", cacheAge+time.Hour)
	put(".tmp-killed", cacheAge+time.Hour)
	put("recent", cacheAge-time.Hour)
	if err := writeFile(filepath.Join(dir, "new"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"old": false, ".tmp-killed": false, "recent": true, "new": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
	for i := range cacheFiles {
		put(fmt.Sprintf("many-%03d", i), time.Duration(i)*time.Minute)
	}
	if err := writeFile(filepath.Join(dir, "newest"), nil); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != cacheFiles {
		t.Errorf("got %d files, %v, want %d", len(left), err, cacheFiles)
	}
	if _, err := os.Stat(filepath.Join(dir, "recent")); err == nil {
		t.Error("the oldest file was kept")
	}
}
