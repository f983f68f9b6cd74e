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
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/renameio/v2"

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

// Remove deletes the file and the directories that were made for it, if empty.
// It never deletes a directory in the file's place.
func (f *File) Remove(context.Context) error {
	info, err := os.Lstat(f.Path)
	switch {
	case absent(err):
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("is a directory, not a regular file")
	default:
		if err := RemoveFile(f.Path); err != nil {
			return err
		}
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

// WriteFile replaces a file atomically: readers see the old content or the new,
// never a part, and after a power loss too. The file has mode from its first
// byte. The directory must exist. It takes away what an earlier write of the file
// left that was killed, so one file must not be written twice at the same time.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	err := replaceFile(path, data, mode)
	if errors.Is(err, syscall.ENOSPC) {
		return sdk.Hint(fmt.Errorf("write %s: %w", path, err), "Free some space on that file system, then apply again.")
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// RemoveFile deletes a file, and what a [WriteFile] of it left behind that was
// killed. An absent file is no error.
func RemoveFile(path string) error {
	if err := os.Remove(path); err != nil && !absent(err) {
		return err
	}
	return sweep(path)
}

// sweep deletes the temporary files of writes that were killed: ".NAME" and a
// number, beside the file. They may hold keys.
func sweep(path string) error {
	dir, prefix := filepath.Dir(path), "."+filepath.Base(path)
	entries, err := os.ReadDir(dir)
	if err != nil && !absent(err) {
		return err
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), prefix)
		if _, err := strconv.ParseInt(number, 10, 64); !ok || err != nil || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !absent(err) {
			return err
		}
	}
	return nil
}

// replaceFile does not use renameio.WriteFile, which keeps the mode of an
// existing file: a secret would go into a file that everybody may read.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	if err := sweep(path); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(path,
		renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(mode.Perm()), renameio.IgnoreUmask())
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
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
