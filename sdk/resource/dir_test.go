package resource_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func TestDirLife(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "b")
	d := drive(t, paths(func(path string) resource.Resource { return &resource.Dir{Path: path, Mode: 0o700} }))
	equal(t, "plan", show(d.plan(wantNames(path), false).Changes), "+ directory "+path+" absent")
	ok(t, d.apply(wantNames(path), false))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v, want mode 0700", info, err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	equal(t, "plan", show(d.plan(wantNames(path), true).Changes), "~ directory "+path+" mode 0755, want 0700")
	ok(t, d.apply(wantNames(path), true))

	put(t, filepath.Join(path, "theirs"), "", 0o600)
	result := d.undo(cty.NilVal)
	equal(t, "error", result.Diagnostics.Error(), "remove directory "+path+": holds files that clusterflow did not make: theirs")
	if !strings.Contains(result.Diagnostics[0].Detail, "rm -r "+path) {
		t.Errorf("hint: got %q", result.Diagnostics[0].Detail)
	}
	if err := os.Remove(filepath.Join(path, "theirs")); err != nil {
		t.Fatal(err)
	}
	ok(t, d.undo(cty.NilVal))
	equal(t, "left", tree(t, root), "")
}

func TestDirContents(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a")
	d := drive(t, paths(func(path string) resource.Resource {
		return &resource.Dir{Path: path, Mode: 0o755, Contents: true}
	}))
	ok(t, d.apply(wantNames(path), false))
	put(t, filepath.Join(path, "theirs"), "", 0o600)
	ok(t, d.undo(cty.NilVal))
	equal(t, "left", tree(t, root), "")
}

func TestDirThatWasThereStays(t *testing.T) {
	path := t.TempDir()
	d := drive(t, paths(func(path string) resource.Resource {
		return &resource.Dir{Path: path, Mode: 0o700, Contents: true}
	}))
	put(t, filepath.Join(path, "theirs"), "", 0o600)
	ok(t, d.apply(wantNames(path), false)) // changes its mode
	ok(t, d.undo(cty.NilVal))
	equal(t, "left", tree(t, path), "theirs")
}

func TestDirInPlaceOfOthers(t *testing.T) {
	root := t.TempDir()
	target, link, file := filepath.Join(root, "target"), filepath.Join(root, "link"), filepath.Join(root, "file")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	put(t, file, "", 0o600)
	put(t, filepath.Join(target, "theirs"), "", 0o600)
	if change, err := (&resource.Dir{Path: link, Mode: 0o755}).Diff(t.Context()); err != nil || change.Op != sdk.OpNone {
		t.Errorf("diff of a link to a directory: got %+v, %v", change, err)
	}
	if _, err := (&resource.Dir{Path: file, Mode: 0o755}).Diff(t.Context()); err == nil {
		t.Error("diff of a file: no error")
	}
	for path, want := range map[string]string{
		link: "is a symbolic link, not a directory", file: "is a regular file, not a directory",
	} {
		err := (&resource.Dir{Path: path, Contents: true}).Remove(t.Context())
		if err == nil || err.Error() != want {
			t.Errorf("remove %s: got %v, want %q", path, err, want)
		}
	}
	equal(t, "left", tree(t, root), "file link target target/theirs")
}

// TestDirKeep leaves what others put there, and does not fail for it.
func TestDirKeep(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "logs")
	d := drive(t, paths(func(path string) resource.Resource { return &resource.Dir{Path: path, Mode: 0o700, Keep: true} }))
	ok(t, d.apply(wantNames(path), false))
	put(t, filepath.Join(path, "today.log"), "", 0o600)
	result := d.undo(cty.NilVal)
	ok(t, result)
	if len(result.Diagnostics) != 1 {
		t.Fatalf("got %v, want one warning", result.Diagnostics)
	}
	equal(t, "warning", result.Diagnostics[0].Summary, "left behind: directory "+path+": holds files that clusterflow did not make: today.log")
	equal(t, "left", tree(t, root), "logs logs/today.log")
	if err := os.Remove(filepath.Join(path, "today.log")); err != nil {
		t.Fatal(err)
	}
	ok(t, d.apply(wantNames(path), false))
	if err := (&resource.Dir{Path: path, Keep: true}).Remove(t.Context()); err != nil {
		t.Errorf("remove when empty: got %v", err)
	}
	equal(t, "left", tree(t, root), "")
}
