package phasetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Processes lists the command lines of live processes that name dir, without
// their pids. It observes for conformance cases what a phase left running.
func Processes(dir string) (string, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return "", err
	}
	var lines []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || len(text) == 0 { // it has ended
			continue
		}
		if line := strings.ReplaceAll(string(text), "\x00", " "); err == nil && strings.Contains(line, dir) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}
