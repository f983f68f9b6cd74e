package core

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

func sum(content string) string {
	digest := sha256.Sum256([]byte(content))
	return hex.EncodeToString(digest[:])
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	put(t, "origin", "from a file")
	tests := map[string]struct {
		config  object
		content string
		mode    fs.FileMode
	}{
		"content": {object{"content": text("hello\n")}, "hello\n", 0o644},
		"empty":   {object{"content": text("")}, "", 0o644},
		"mode":    {object{"content": text("x"), "mode": text("755")}, "x", 0o755},
		"secret":  {object{"secret_content": text("s3cret")}, "s3cret", 0o600},
		"source":  {object{"source": text("origin")}, "from a file", 0o644},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name, "deep", "f")
			tt.config["path"], tt.config["dir_mode"] = text(name+"/deep/f"), text("0700")
			d := drive(t, "file", tt.config)
			plan := d.plan(t)
			equal(t, "planned path", plan.Outputs.GetAttr("path").AsString(), path)
			out := d.apply(t)
			equal(t, "path", out["path"].AsString(), path)
			equal(t, "sha256", out["sha256"].AsString(), sum(tt.content))
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "content", string(content), tt.content)
			if got := mode(t, path); got != tt.mode {
				t.Errorf("mode: got %o, want %o", got, tt.mode)
			}
			if got := mode(t, filepath.Dir(path)); got != 0o700 {
				t.Errorf("mode of the directory: got %o", got)
			}
			if strings.Contains(string(d.Private), "s3cret") {
				t.Errorf("the record holds the secret: %s", d.Private)
			}
			equal(t, "second plan", d.changes(t), "")
			equal(t, "same sha256", d.apply(t)["sha256"].AsString(), sum(tt.content))

			put(t, path, "drift")
			if change := d.plan(t).Changes[0]; change.Op != sdk.OpUpdate || strings.Contains(change.Diff, "s3cret") {
				t.Errorf("after drift: got %+v", change)
			}
			d.TryUndo(t)
			if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
				t.Errorf("after undo: %v", err)
			}
		})
	}
}

func TestSecretFileTightensAnOpenOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	put(t, path, "old")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	drive(t, "file", object{"path": text(path), "secret_content": text("s3cret")}).apply(t)
	if got := mode(t, path); got != 0o600 {
		t.Errorf("mode: got %o, want 600", got)
	}
}

func TestFileSource(t *testing.T) {
	dir := t.TempDir()
	source, path := filepath.Join(dir, "source"), filepath.Join(dir, "f")
	d := drive(t, "file", object{"path": text(path), "source": text(source)})
	equal(t, "plan before the source", d.changes(t), "+ file "+path+": source is not there yet")
	summary, detail := d.fails(t)
	equal(t, "error", summary, "file "+path+": read source: open "+source+": no such file or directory")
	equal(t, "hint", detail, "Is the path right, and does the phase that makes the file come first?")

	put(t, source, "one\n")
	d.apply(t)
	put(t, source, "two\n")
	change := d.plan(t).Changes[0]
	if change.Op != sdk.OpUpdate || !strings.Contains(change.Diff, "+two") {
		t.Errorf("got %+v, want a diff", change)
	}
	equal(t, "sha256", d.apply(t)["sha256"].AsString(), sum("two\n"))
	if err := os.Remove(source); err != nil {
		t.Fatal(err)
	}
	equal(t, "plan without the source", d.changes(t), "~ file "+path+": source is not there yet")
	d.TryUndo(t)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after undo: %v", err)
	}
	var found bool
	typ, _ := Spec().Type("file")
	for _, a := range typ.Config {
		found = found || a.Name == "source" && a.FileContent
	}
	if !found {
		t.Error("the content of source does not count as input")
	}
}

func TestMovedFile(t *testing.T) {
	dir := t.TempDir()
	before, after := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	d := drive(t, "file", object{"path": text(before), "content": text("x")})
	d.apply(t)
	d.Set(t, object{"path": text(after), "content": text("x")})
	equal(t, "plan", d.changes(t), "+ file "+after+": absent; - file "+before+": no longer wanted")
	d.apply(t)
	if _, err := os.Stat(before); !os.IsNotExist(err) {
		t.Errorf("the old file: %v", err)
	}
}

func TestDir(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	for contents, gone := range map[string]bool{"keep": false, "remove": true} {
		t.Run(contents, func(t *testing.T) {
			path := filepath.Join(root, contents, "d")
			d := drive(t, "dir", object{"path": text(contents + "/d"), "mode": text("0700"), "contents": text(contents)})
			equal(t, "path", d.apply(t)["path"].AsString(), path)
			if got := mode(t, path); got != 0o700 {
				t.Errorf("mode: got %o", got)
			}
			put(t, filepath.Join(path, "theirs"), "")
			result := d.TryUndo(t)
			_, err := os.Stat(path)
			if (result.Status == sdk.StatusOK) != gone || os.IsNotExist(err) != gone {
				t.Errorf("undo: got %s %v, and stat %v", result.Status, result.Diagnostics, err)
			}
		})
	}
	if got := drive(t, "dir", object{"path": text("x")}).Config.GetAttr("mode"); !got.RawEquals(cty.StringVal("0755")) {
		t.Errorf("default mode: got %#v", got)
	}
}
