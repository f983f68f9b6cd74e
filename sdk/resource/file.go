package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/clusterflow/clusterflow/sdk"
)

const defaultDirMode = 0o755

// File is a regular file with known content.
type File struct {
	Path string `json:"path"`
	// Mode is the permission bits; the file has them from its first byte.
	Mode    fs.FileMode `json:"mode"`
	Content []byte      `json:"-"`
	// Secret files show no diff of their content.
	Secret bool `json:"-"`
	// DirMode is for parent directories that Render has to make. Zero means 0755.
	DirMode fs.FileMode `json:"-"`
	// Dirs are the parent directories that were made for the file; Remove takes
	// those that are empty by then. Diff, Render and the record fill it in.
	Dirs []string `json:"dirs,omitempty"`
}

// maxDiff bounds the content that is compared line by line.
const maxDiff = 256 << 10

var _ Resource = (*File)(nil)

// ID is "file" and the path.
func (f *File) ID() ID { return ID{Kind: "file", Target: f.Path} }

// Diff compares content and mode.
func (f *File) Diff(context.Context) (sdk.Change, error) {
	info, err := os.Stat(f.Path)
	switch {
	case absent(err):
		f.Dirs = addDirs(f.Dirs, missingDirs(filepath.Dir(f.Path)))
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case err != nil:
		return sdk.Change{}, err
	case !info.Mode().IsRegular():
		return sdk.Change{}, fmt.Errorf("is a %s, not a regular file", describeMode(info.Mode()))
	}
	old, err := os.ReadFile(f.Path)
	switch {
	case err != nil:
		return sdk.Change{}, err
	case !bytes.Equal(old, f.Content):
		return sdk.Change{Op: sdk.OpUpdate, Reason: "content differs", Diff: f.textDiff(old)}, nil
	case info.Mode().Perm() != f.Mode.Perm():
		return sdk.Change{Op: sdk.OpUpdate, Reason: fmt.Sprintf("mode %04o, want %04o", info.Mode().Perm(), f.Mode.Perm())}, nil
	}
	return sdk.Change{}, nil
}

// textDiff is empty unless both contents are text that may be shown.
func (f *File) textDiff(old []byte) string {
	shown := func(b []byte) bool { return len(b) <= maxDiff && utf8.Valid(b) && !bytes.ContainsRune(b, 0) }
	if f.Secret || !shown(old) || !shown(f.Content) {
		return ""
	}
	return udiff.Unified("now", "wanted", string(old), string(f.Content))
}

// Render writes the file atomically and durably.
func (f *File) Render(context.Context) error {
	dirMode := f.DirMode
	if dirMode == 0 {
		dirMode = defaultDirMode
	}
	made, err := makeDirs(filepath.Dir(f.Path), dirMode)
	f.Dirs = addDirs(f.Dirs, made)
	if err != nil {
		return err
	}
	return WriteFile(f.Path, f.Content, f.Mode)
}

// Left reports the rest of a write that was killed.
func (f *File) Left() bool { return Unfinished(f.Path) }

// Remove deletes the file and the directories that were made for it, if empty.
// It never deletes a directory in the file's place.
func (f *File) Remove(context.Context) error {
	info, err := os.Lstat(f.Path)
	switch {
	case err != nil && !absent(err):
		return err
	case err == nil && info.IsDir():
		return fmt.Errorf("is a directory, not a regular file")
	}
	if err := RemoveFile(f.Path); err != nil { // also what a killed run left of it
		return err
	}
	removeDirs(f.Dirs)
	return nil
}

// recall takes over the directories that were made for the file.
func (f *File) recall(r Record) {
	var old File
	if entry, ok := r.Find(f.ID()); ok && json.Unmarshal(entry.State, &old) == nil {
		f.Dirs = addDirs(old.Dirs, f.Dirs)
	}
}

// absent reports that a path does not exist, also when a parent is a file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func describeMode(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m.IsRegular():
		return "regular file"
	default:
		return "special file"
	}
}
