//go:build linux

package pluginhost_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
)

func TestFindErrors(t *testing.T) {
	dir := t.TempDir()
	files := map[string]os.FileMode{
		"clusterflow-plugin-etcd": 0o700, "clusterflow-plugin-plain": 0o600, "other": 0o700,
	}
	for name, mode := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "clusterflow-plugin-dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	digest := "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of x

	tests := map[string]struct {
		ref  pluginhost.Ref
		is   error
		want string // with DIR for the directory; empty: found
		hint string
	}{
		"found":     {ref: pluginhost.Ref{Name: "etcd"}},
		"pinned":    {ref: pluginhost.Ref{Name: "etcd", SHA256: strings.ToUpper(digest)}},
		"by source": {ref: pluginhost.Ref{Name: "mine", Source: filepath.Join(dir, "other")}},
		"absent": {
			ref: pluginhost.Ref{Name: "pki"}, is: pluginhost.ErrNotFound,
			want: `find plugin "pki": plugin not found: looked in DIR, DIR/none`,
			hint: "Put clusterflow-plugin-pki into one of these directories, or name it in a plugin block.",
		},
		"misspelt": {
			ref: pluginhost.Ref{Name: "etdc"}, is: pluginhost.ErrNotFound,
			want: `find plugin "etdc": plugin not found: looked in DIR, DIR/none`,
			hint: `Did you mean "etcd"?`,
		},
		"outside of the path": {
			ref: pluginhost.Ref{Name: "x/../../other"}, is: pluginhost.ErrNotFound,
			want: `find plugin "x/../../other": plugin not found: looked in DIR, DIR/none`,
		},
		"absent source": {
			ref: pluginhost.Ref{Name: "mine", Source: filepath.Join(dir, "gone")}, is: pluginhost.ErrNotFound,
			want: `find plugin "mine": plugin not found: there is no file DIR/gone`, hint: "Correct the source",
		},
		"not executable": {
			ref: pluginhost.Ref{Name: "plain"}, is: pluginhost.ErrNotExecutable,
			want: `open plugin "plain": DIR/clusterflow-plugin-plain: not an executable file`,
			hint: "chmod +x",
		},
		"directory": {
			ref: pluginhost.Ref{Name: "dir"}, is: pluginhost.ErrDirectory,
			want: `open plugin "dir": DIR/clusterflow-plugin-dir: it is a directory`, hint: "Name the file",
		},
		"other digest": {
			ref: pluginhost.Ref{Name: "etcd", SHA256: "00ff"}, is: pluginhost.ErrDigest,
			want: `open plugin "etcd": DIR/clusterflow-plugin-etcd: wrong digest: it has sha256 ` + digest + `, the pipeline wants 00ff`,
			hint: "lock file",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := pluginhost.New(pluginhost.Options{Dirs: []string{dir, filepath.Join(dir, "none")}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = h.Close(t.Context()) }()
			_, err = h.Find(tt.ref)
			if got := strings.ReplaceAll(message(err), dir, "DIR"); got != tt.want || !errors.Is(err, tt.is) {
				t.Errorf("got error %q\nwant %q, %v", got, tt.want, tt.is)
			}
			if got := hintOf(err); !strings.Contains(got, tt.hint) {
				t.Errorf("got hint %q, want %q in it", got, tt.hint)
			}
		})
	}
}

func TestList(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, path := range []string{
		filepath.Join(first, "clusterflow-plugin-pki"), filepath.Join(second, "clusterflow-plugin-pki"),
		filepath.Join(second, "clusterflow-plugin-etcd"), filepath.Join(second, "clusterflow"),
	} {
		if err := os.WriteFile(path, nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h, err := pluginhost.New(pluginhost.Options{Dirs: []string{first, "/does/not/exist", second}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close(t.Context()) }()
	got, err := h.List()
	want := []pluginhost.Found{
		{Name: "etcd", Path: second + "/clusterflow-plugin-etcd"},
		{Name: "pki", Path: first + "/clusterflow-plugin-pki"},
		{Name: "pki", Path: second + "/clusterflow-plugin-pki", ShadowedBy: first + "/clusterflow-plugin-pki"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
	}
}

func TestDigestRemembered(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "clusterflow-plugin-x")
	if err := os.WriteFile(path, []byte("x"), 0o700); err != nil {
		t.Fatal(err)
	}
	find := func(pin string) (string, error) {
		h, err := pluginhost.New(pluginhost.Options{Dirs: []string{dir}, CacheDir: cache})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = h.Close(t.Context()) }()
		b, err := h.Find(pluginhost.Ref{Name: "x", SHA256: pin})
		if err != nil {
			return "", err
		}
		return b.Digest, nil
	}
	memory := func() []string {
		files, err := filepath.Glob(filepath.Join(cache, "digest", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	first, err := find("")
	if err != nil || len(memory()) != 0 {
		t.Fatalf("a new file: got %v, memory %v, want none yet", err, memory())
	}
	eventually(t, "the digest is remembered", func() bool {
		_, err := find("")
		return err != nil || len(memory()) == 1
	})
	text, err := os.ReadFile(memory()[0])
	if err != nil {
		t.Fatal(err)
	}
	lie := strings.Repeat("0", len(first))
	if err := os.WriteFile(memory()[0], []byte(strings.ReplaceAll(string(text), first, lie)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := find(""); got != lie || err != nil {
		t.Errorf("same file: got %q, %v, want what is in memory", got, err)
	}
	if got, err := find(first); got != first || err != nil {
		t.Errorf("pinned: got %q, %v, want %q", got, err, first)
	}
	if err := os.WriteFile(path, []byte("y"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := find(""); got == lie || got == first || err != nil {
		t.Errorf("changed file: got %q, %v", got, err)
	}
}
