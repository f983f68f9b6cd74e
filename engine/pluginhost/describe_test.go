//go:build linux

package pluginhost_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
)

func TestDescribeCache(t *testing.T) {
	cache := t.TempDir()
	ref := pluginhost.Ref{Name: "echo"}
	withCache := func(o *pluginhost.Options) { o.CacheDir = cache }
	none := func(o *pluginhost.Options) { o.CacheDir, o.RunDir = cache, "/proc/nowhere" } // a start would fail

	start := time.Now()
	first, err := newHost(t, withCache).Describe(t.Context(), ref)
	took(t, "describe with a start", start)
	if err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	second, err := newHost(t, none).Describe(t.Context(), ref)
	took(t, "describe from the cache", start)
	if err != nil || second.Name != first.Name || len(second.Types) != len(first.Types) {
		t.Errorf("from the cache: got %+v, %v", second, err)
	}

	entries, err := filepath.Glob(cache + "/describe/*")
	if err != nil || len(entries) != 1 {
		t.Fatalf("got entries %v, %v, want one", entries, err)
	}
	if err := os.WriteFile(entries[0], []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newHost(t, none).Describe(t.Context(), ref); err == nil {
		t.Error("a broken entry was used")
	}
	if _, err := newHost(t, withCache).Describe(t.Context(), ref); err != nil {
		t.Errorf("with a broken entry: %v", err)
	}
	if _, err := newHost(t, none).Describe(t.Context(), ref); err != nil {
		t.Errorf("the entry was not mended: %v", err)
	}
}
