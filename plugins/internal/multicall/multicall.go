// Package multicall puts several plugins into one binary, which is linked under
// the name of each.
package multicall

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

const prefix = "clusterflow-plugin-"

// Plugin is one plugin of a binary. Its spec is made only if it is the one that is
// started.
type Plugin struct {
	Name string
	Spec func() sdk.Spec
}

// Choose returns the spec of the plugin that args, those of the process, ask for:
// by the name of the program, or by the first argument. The error tells people
// what the binary is.
func Choose(args []string, plugins []Plugin) (sdk.Spec, error) {
	name, err := wanted(args)
	for _, p := range plugins {
		if err == nil && p.Name == name {
			return p.Spec(), nil
		}
	}
	if err == nil {
		err = fmt.Errorf("choose plugin: there is no built-in plugin %q in this binary", name)
	}
	return sdk.Spec{}, fmt.Errorf("%w\n\n%s", err, usage(plugins))
}

func wanted(args []string) (string, error) {
	if len(args) == 0 {
		return "", errors.New("choose plugin: the process has no name")
	}
	program := filepath.Base(args[0])
	if name, linked := strings.CutPrefix(program, prefix); linked {
		return name, nil
	}
	if len(args) == 1 {
		return "", fmt.Errorf("choose plugin: neither the name %q nor an argument says which", program)
	}
	return args[1], nil
}

func usage(plugins []Plugin) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This binary holds built-in plugins of clusterflow. Link it under the name of one,\n"+
		"%s<name>, beside the clusterflow binary:\n", prefix)
	for _, p := range plugins {
		fmt.Fprintf(&b, "\n  %-14s %s", p.Name, p.Spec().Doc)
	}
	return b.String()
}
