// Package component knows what the components of a control plane have in common:
// how their command lines are put together and how their health is asked for.
//
// The flags of each component are with the plugin that runs it.
package component

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Flag is one argument of a command line, --Name=Value.
type Flag struct {
	Name  string `cf:"name,required"`
	Value string `cf:"value,required"`
}

// Args puts a command line together as kubeadm does: the defaults sorted by name,
// without those that extra names, then extra in its own order. A name may occur
// several times in extra.
func Args(defaults map[string]string, extra []Flag) []string {
	args := make([]string, 0, len(defaults)+len(extra))
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		if _, overridden := Last(extra, name); !overridden {
			args = append(args, "--"+name+"="+defaults[name])
		}
	}
	for _, f := range extra {
		args = append(args, "--"+f.Name+"="+f.Value)
	}
	return args
}

// Last returns the value that counts when a flag is given several times.
func Last(flags []Flag, name string) (value string, given bool) {
	for _, f := range slices.Backward(flags) {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// Value returns the value that counts of a flag in a command line, where it is
// written --name=value.
func Value(args []string, name string) (value string, given bool) {
	for _, arg := range slices.Backward(args) {
		if flag, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "="); ok && flag == name {
			return value, true
		}
	}
	return "", false
}

// Image is the image of a component of Kubernetes. A tag cannot hold all
// characters of a version, so that v1.36.3+abc becomes v1.36.3_abc.
func Image(repository, name, version string) string {
	return repository + "/" + name + ":" + regexp.MustCompile(`[^-A-Za-z0-9_.]`).ReplaceAllString(version, "_")
}
