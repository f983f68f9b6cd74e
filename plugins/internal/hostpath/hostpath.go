// Package hostpath makes the paths of phase configs absolute, so that what a
// phase tells others holds in every working directory.
package hostpath

import "path/filepath"

// Abs returns path as an absolute, clean path; a relative one is relative to
// workDir. Empty stays empty: it means that nothing was given.
func Abs(workDir, path string) string {
	if path == "" {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(workDir, path)
	}
	if abs, err := filepath.Abs(path); err == nil { // fails only without a working directory
		return abs
	}
	return filepath.Clean(path)
}
