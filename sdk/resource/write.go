package resource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/clusterflow/clusterflow/sdk"
)

// WriteFile replaces a file atomically: readers see the old content or the new,
// never a part, and after a power loss too. The file has mode from its first
// byte, whatever mode the old one had. The directory must exist. It takes away
// what an earlier write of the file left that was killed, so one file must not be
// written twice at the same time.
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

// Unfinished reports that a [WriteFile] of path was killed and left something
// behind, which [RemoveFile] takes away.
func Unfinished(path string) bool { return len(unfinished(path)) > 0 }

// temporary begins the names of files that are to take the place of path. A number
// follows. No other path has names that look the same, so files of one directory
// can be written side by side.
func temporary(path string) string { return "." + filepath.Base(path) + ".clusterflow-" }

// sweep deletes the temporary files of writes that were killed. They may hold
// keys.
func sweep(path string) error {
	for _, name := range unfinished(path) {
		if err := os.Remove(name); err != nil && !absent(err) {
			return err
		}
	}
	return nil
}

// unfinished lists these files. There are none in a directory that cannot be read.
func unfinished(path string) []string {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), temporary(path))
		if _, err := strconv.ParseUint(number, 10, 64); ok && err == nil && e.Type().IsRegular() {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// replaceFile writes beside the file, then renames.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	if err := sweep(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary(path)+"*") // mode 0600
	if err != nil {
		return err
	}
	err = fill(f, data, mode)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// fill writes data to disk, not only to memory.
func fill(f *os.File, data []byte, mode fs.FileMode) error {
	if err := f.Chmod(mode.Perm()); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(path string) error {
	if runtime.GOOS == "windows" { // renames are in its journal, directories cannot be flushed
		return nil
	}
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
