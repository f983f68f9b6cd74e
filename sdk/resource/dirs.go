package resource

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// makeDirs makes path and its parents and returns those that it made, outermost
// first.
func makeDirs(path string, mode fs.FileMode) ([]string, error) {
	var made []string
	for _, p := range missingDirs(path) {
		err := os.Mkdir(p, mode)
		switch {
		case err == nil:
			made = append(made, p)
			if err := os.Chmod(p, mode); err != nil { // against the umask
				return made, err
			}
		case !errors.Is(err, fs.ErrExist):
			return made, err
		}
	}
	return made, nil
}

// missingDirs lists what makeDirs would make.
func missingDirs(path string) []string {
	var missing []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		missing = append(missing, p)
	}
	slices.Reverse(missing)
	return missing
}

// addDirs joins two lists of directories, each once, outermost first.
func addDirs(dirs, more []string) []string {
	all := slices.Concat(dirs, more)
	slices.Sort(all)
	return slices.Compact(all)
}

// removeDirs removes those that are empty, innermost first. In the others are
// somebody else's files.
func removeDirs(dirs []string) {
	for _, p := range slices.Backward(dirs) {
		if err := os.Remove(p); err != nil && !absent(err) {
			return
		}
	}
}
