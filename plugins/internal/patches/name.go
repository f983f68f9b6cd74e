package patches

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Kinds of patches, as file names spell them.
const (
	strategic = "strategic" // the default: maps merge, lists merge by their keys
	merge     = "merge"     // RFC 7386: maps merge, lists are replaced
	jsonPatch = "json"      // RFC 6902: a list of operations
)

// name is what the name of a patch file says.
type name struct{ target, kind string }

// considered leaves aside what lies about in a directory: notes, editors' files.
func considered(file string) bool {
	return !strings.HasPrefix(file, ".") && slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(file))
}

// parseName reads TARGET[SUFFIX][+KIND].EXTENSION.
func parseName(file string) (name, error) {
	extension := path.Ext(file)
	if extension != ".yaml" && extension != ".json" {
		return name{}, fmt.Errorf("the extension %q is not .yaml or .json", extension)
	}
	base, kind, given := strings.Cut(strings.TrimSuffix(file, extension), "+")
	if !given {
		kind = strategic
	}
	if !slices.Contains([]string{strategic, merge, jsonPatch}, kind) {
		return name{}, fmt.Errorf("the patch type %q after + is not strategic, merge or json", kind)
	}
	for _, target := range knownTargets() {
		if strings.HasPrefix(base, target) {
			return name{target: target, kind: kind}, nil
		}
	}
	return name{}, fmt.Errorf("the name does not begin with what is to be patched: %s", targets())
}

func targets() string { return strings.Join(knownTargets(), ", ") }
