// Package pipelines holds the pipelines that come with clusterflow, with their
// modules, inside of the binary. They are ordinary files: to change one, copy it
// with `clusterflow pipelines copy`.
//
// The package only stores text; reading it is the business of engine/config.
package pipelines

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.hcl config/*.hcl modules/*/*.hcl
var files embed.FS

// Extension is what the names of pipeline files end in.
const Extension = ".hcl"

// Files is the tree of this directory with its HCL files only. Pipelines are at
// its top, and the sources of their modules lead to directories in it.
func Files() fs.FS { return files }

// Names lists the pipelines without their extension, sorted.
func Names() []string {
	found, _ := fs.Glob(files, "*"+Extension) // the pattern is good
	names := make([]string, 0, len(found))
	for _, file := range found {
		names = append(names, strings.TrimSuffix(file, Extension))
	}
	return names
}

// Path returns the file of a pipeline in [Files]. The name may have its extension
// or not.
func Path(name string) (string, bool) {
	base := strings.TrimSuffix(name, Extension)
	return base + Extension, slices.Contains(Names(), base)
}

// Source returns the text of a pipeline, without its modules.
func Source(file string) ([]byte, error) { return files.ReadFile(path.Clean(file)) }

// Doc is what the comment at the top of a pipeline says, as one paragraph.
func Doc(source []byte) string {
	var words []string
	for line := range strings.Lines(string(source)) {
		text, ok := strings.CutPrefix(line, "#")
		if text = strings.TrimSpace(text); !ok || text == "" {
			break
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}
