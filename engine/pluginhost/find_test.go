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
