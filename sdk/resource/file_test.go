package resource_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func TestFileDiff(t *testing.T) {
	long := strings.Repeat("line\n", 100<<10)
	binary := string([]byte{0xff, 0})
	tests := map[string]struct {
		old  string
		mode fs.FileMode
		file resource.File
		want string
		diff bool
	}{
		"same":       {"x\n", 0o644, resource.File{Content: []byte("x\n"), Mode: 0o644}, "", false},
		"content":    {"x\n", 0o644, resource.File{Content: []byte("y\n"), Mode: 0o644}, "~ content differs", true},
		"secret":     {"x\n", 0o600, resource.File{Content: []byte("y\n"), Mode: 0o600, Secret: true}, "~ content differs", false},
		"mode":       {"x\n", 0o644, resource.File{Content: []byte("x\n"), Mode: 0o600}, "~ mode 0644, want 0600", false},
		"both":       {"x\n", 0o644, resource.File{Content: []byte("y\n"), Mode: 0o600}, "~ content differs", true},
		"was binary": {binary, 0o644, resource.File{Content: []byte("y\n"), Mode: 0o644}, "~ content differs", false},
		"is binary":  {"x\n", 0o644, resource.File{Content: []byte{0}, Mode: 0o644}, "~ content differs", false},
		"is long":    {"x\n", 0o644, resource.File{Content: []byte(long), Mode: 0o644}, "~ content differs", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.file.Path = filepath.Join(t.TempDir(), "f")
			put(t, tt.file.Path, tt.old, tt.mode)
			change, err := tt.file.Diff(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "change", strings.TrimSpace(change.Op.Symbol()+" "+change.Reason), tt.want)
			if (change.Diff != "") != tt.diff || !utf8.ValidString(change.Diff) {
				t.Errorf("diff: got %q, want one: %v", change.Diff, tt.diff)
			}
			if err := tt.file.Render(t.Context()); err != nil {
				t.Fatal(err)
			}
			if change, err := tt.file.Diff(t.Context()); err != nil || change.Op != sdk.OpNone {
				t.Errorf("after Render: got %+v, %v", change, err)
			}
		})
	}
}

func TestFileLeavesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	f := &resource.File{Path: filepath.Join(dir, "f"), Mode: 0o600, Content: []byte("x")}
	for range 2 {
		if err := f.Render(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "files", tree(t, dir), "f")
}

// A run that was killed may have left a temporary file and nothing else.
func TestRemoveOfAnUnfinishedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	left := filepath.Join(filepath.Dir(path), ".f.clusterflow-17")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&resource.File{Path: path}).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v, want it gone", left, err)
	}
}

func TestFileInPlaceOfOthers(t *testing.T) {
	dir := t.TempDir()
	f := &resource.File{Path: dir, Mode: 0o600}
	if _, err := f.Diff(t.Context()); err == nil || err.Error() != "is a directory, not a regular file" {
		t.Errorf("diff: got %v", err)
	}
	if err := f.Remove(t.Context()); err == nil {
		t.Error("remove: an empty directory was removed for a file")
	}
	put(t, filepath.Join(dir, "f"), "", 0o600)
	below := &resource.File{Path: filepath.Join(dir, "f", "g"), Mode: 0o600}
	if change, err := below.Diff(t.Context()); err != nil || change.Op != sdk.OpCreate {
		t.Errorf("diff below a file: got %+v, %v", change, err)
	}
	if err := below.Render(t.Context()); err == nil {
		t.Error("render below a file: no error")
	}
	if err := below.Remove(t.Context()); err != nil {
		t.Errorf("remove below a file: %v", err)
	}
}

// paths is a phase that wants the files that its config names.
func paths(build func(path string) resource.Resource) resource.Phase[config, struct{}] {
	return actions(false, func(in resource.Input[config]) []resource.Resource {
		var list []resource.Resource
		for _, path := range in.Config.Names {
			list = append(list, build(path))
		}
		return list
	})
}

func emptyFile(path string) resource.Resource { return &resource.File{Path: path, Mode: 0o644} }

func TestUndoRemovesTheDirectoriesThatWereMade(t *testing.T) {
	crash := func(t *testing.T, d *driver, config cty.Value) {
		t.Helper()
		d.private = d.plan(config, false).Private
		ok(t, drive(t, paths(emptyFile)).apply(config, false)) // its record is lost
	}
	tests := map[string]func(t *testing.T, d *driver, config cty.Value){
		"applied": func(t *testing.T, d *driver, config cty.Value) {
			t.Helper()
			ok(t, d.apply(config, false))
		},
		"applied thrice": func(t *testing.T, d *driver, config cty.Value) {
			t.Helper()
			ok(t, d.apply(config, false))
			ok(t, d.apply(config, true)) // nothing to do
			put(t, config.GetAttr("names").AsValueSlice()[0].AsString(), "drift", 0o600)
			ok(t, d.apply(config, true))
		},
		"crashed": crash,
		"crashed, then applied": func(t *testing.T, d *driver, config cty.Value) {
			t.Helper()
			crash(t, d, config)
			ok(t, d.apply(config, false))
		},
	}
	for name, apply := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			d := drive(t, paths(emptyFile))
			apply(t, d, wantNames(filepath.Join(root, "a/b/one"), filepath.Join(root, "a/c/two")))
			put(t, filepath.Join(root, "a/c/theirs"), "", 0o600)
			ok(t, d.undo(cty.NilVal))
			equal(t, "left", tree(t, root), "a a/c a/c/theirs")
		})
	}
}

func TestFailedRenderRecordsItsDirectories(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a/"+strings.Repeat("x", 300)) // too long a name
	d := drive(t, paths(func(path string) resource.Resource { return &unplanned{resource.File{Path: path}} }))
	if result := d.apply(wantNames(path), false); result.Status != sdk.StatusFailed {
		t.Fatalf("got %s", result.Status)
	}
	equal(t, "made", tree(t, root), "a")
	if !strings.Contains(string(d.private), `"dirs":["`+root+`/a"]`) {
		t.Errorf("record: got %s, want the directory in it", d.private)
	}
}

// unplanned is a file that does not know beforehand what it will make.
type unplanned struct{ resource.File }

func (u *unplanned) Diff(context.Context) (sdk.Change, error) {
	return sdk.Change{Op: sdk.OpCreate}, nil
}

func TestWriteFileErrors(t *testing.T) {
	err := resource.WriteFile(filepath.Join(t.TempDir(), "no/such/dir"), nil, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want it to be about the directory", err)
	}
}

func put(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// tree lists all paths below root.
func tree(t *testing.T, root string) string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if path != root {
			list = append(list, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
