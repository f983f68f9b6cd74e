// Package core is the plugin for the general things that pipelines need besides
// Kubernetes: commands, files, directories, waiting, free ports.
//
// It is no configuration management: what has a meaning of its own, such as a
// certificate or a systemd unit, belongs into a plugin that knows the meaning.
package core

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	return sdk.Spec{
		Name: "core", Version: "dev",
		Doc:   "Commands, files, directories, waiting, free ports, a new boot.",
		Types: []sdk.Type{noop(), execType(), file(), dir(), wait(), ports(), reboot(thisHost())},
	}
}

// attrError is an error of one config attribute.
func attrError(name, format string, args ...any) error {
	return cty.Path{cty.GetAttrStep{Name: name}}.NewError(fmt.Errorf(format, args...))
}

// parseMode reads permission bits as chmod writes them.
func parseMode(attr, text string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, attrError(attr, `%q is not a mode such as "0644" or "0755"`, text)
	}
	return fs.FileMode(mode), nil
}

// checkPath refuses paths that name no single thing below the root.
func checkPath(attr, path string) error {
	switch {
	case path == "":
		return attrError(attr, "the path is empty")
	case filepath.Clean(path) == string(filepath.Separator):
		return attrError(attr, "the root directory cannot be managed")
	}
	return nil
}

// exactlyOne reports unless one of the named attributes is set.
func exactlyOne(set map[string]bool, names ...string) error {
	var count int
	for _, name := range names {
		if set[name] {
			count++
		}
	}
	if count == 1 {
		return nil
	}
	var list string
	for i, name := range names {
		switch i {
		case 0:
		case len(names) - 1:
			list += " or "
		default:
			list += ", "
		}
		list += name
	}
	if count == 0 {
		return errors.New("set one of " + list)
	}
	return errors.New("set only one of " + list)
}
