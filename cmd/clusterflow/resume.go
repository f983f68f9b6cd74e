package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// resumeLine is the command line that goes on with an apply after the host has
// booted anew. Nobody is there to be asked then.
func (a *app) resumeLine(pipeline string, flags applyFlags) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find clusterflow: %w", err)
	}
	state, err := filepath.Abs(cmp.Or(a.stateDir, defaultStateDir()))
	if err != nil {
		return nil, fmt.Errorf("find state directory: %w", err)
	}
	argv := []string{self, "apply", pipeline, "--auto-approve", "--no-color", "--state-dir", state}
	for flag, values := range map[string][]string{
		"--var": flags.vars, "--var-file": flags.varFiles, "--target": flags.Targets, "--exclude": flags.Excludes,
	} {
		for _, v := range values {
			argv = append(argv, flag, v)
		}
	}
	if flags.failFast {
		argv = append(argv, "--fail-fast")
	}
	if flags.parallelism > 0 {
		argv = append(argv, "--parallelism", strconv.FormatUint(uint64(flags.parallelism), 10))
	}
	return argv, nil
}
