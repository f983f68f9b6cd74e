package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/clusterflow/clusterflow/sdk"
)

// compare says why a running process has to be started anew, if it has to.
func (p *Process) compare(now Started) sdk.Change {
	c := sdk.Change{Op: sdk.OpUpdate, Disruptive: true}
	if !slices.Equal(now.Argv, p.Argv) {
		c.Reason = "command line: " + changedFlags(now.Argv, p.Argv)
		c.Diff = udiff.Unified("now", "wanted", lines(now.Argv), lines(p.Argv))
		return c
	}
	if programReplaced(now.PID, p.Argv[0]) {
		c.Reason = fmt.Sprintf("program %s was replaced", p.Argv[0])
		return c
	}
	inputs, err := digests(p.Inputs)
	switch {
	case err != nil:
		c.Reason = err.Error()
		return c
	case now.Inputs == nil || maps.Equal(now.Inputs, inputs):
		return sdk.Change{}
	}
	c.Reason = "changed since it started: " + changedInputs(now.Inputs, inputs)
	return c
}

func lines(argv []string) string { return strings.Join(argv, "\n") + "\n" }

// changedFlags names the flags in which two command lines differ.
func changedFlags(now, want []string) string {
	var names []string
	for _, pair := range [][2][]string{{now, want}, {want, now}} {
		for _, arg := range pair[0] {
			name, _, _ := strings.Cut(arg, "=")
			if !slices.Contains(pair[1], arg) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return "order of flags"
	}
	return enumerate(names)
}

func changedInputs(now, want map[string]string) string {
	var names []string
	for _, m := range []map[string]string{now, want} {
		for path := range m {
			if now[path] != want[path] && !slices.Contains(names, path) {
				names = append(names, path)
			}
		}
	}
	slices.Sort(names)
	return enumerate(names)
}

func enumerate(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// digests returns the SHA-256 of every file by path.
func digests(paths []string) (map[string]string, error) {
	out := make(map[string]string, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read input: %w", err)
		}
		sum := sha256.Sum256(data)
		out[path] = hex.EncodeToString(sum[:])
	}
	return out, nil
}
