// Package lock reads and writes clusterflow.lock.hcl, the file beside a pipeline
// that says which files its third-party plugins must be.
//
// It does not look for plugins and compares nothing; for that see package engine.
package lock

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	header = `# Made by clusterflow plugins lock. It belongs into version control: it pins the
# plugins that are not part of clusterflow.
`
	form = "  plugin \"etcd\" {\n    version = \"1.0.0\"\n    sha256  = \"9f2c…\"\n  }"
)

// File is a lock file. Its zero value is one that does not exist.
type File struct {
	Path    string
	Entries []Entry // in the order of their names
	// Source is the text, for diagnostics. It is nil if there is no such file.
	Source *hcl.File
}

// Entry pins one plugin.
type Entry struct {
	Name string
	// Version is what the plugin said of itself. It is for people.
	Version string
	// SHA256 is the digest of its file, in lower-case hex.
	SHA256 string
	// Range is that of the digest, DefRange that of the head of the block. Both are
	// empty in entries that are to be written.
	Range, DefRange hcl.Range
}

// Beside is the path of the lock file of a pipeline.
func Beside(pipeline string) string { return filepath.Join(filepath.Dir(pipeline), config.LockFile) }

// Entry returns the entry of a plugin.
func (f File) Entry(plugin string) (Entry, bool) {
	i := slices.IndexFunc(f.Entries, func(e Entry) bool { return e.Name == plugin })
	if i < 0 {
		return Entry{}, false
	}
	return f.Entries[i], true
}

// Read reads a lock file. One that does not exist has no entries.
func Read(path string) (File, hcl.Diagnostics) {
	src, err := config.ReadFile(config.OS{}, path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{Path: path}, nil
	}
	if err != nil {
		return File{Path: path}, diag.FromError(fmt.Errorf("read lock file: %w", err))
	}
	return Parse(src, path)
}

// Parse reads the text of a lock file. With errors the file has at least its
// source, to show them.
func Parse(src []byte, path string) (File, hcl.Diagnostics) {
	f := File{Path: path}
	file, diags := config.Parse(src, path)
	f.Source = file
	if diags.HasErrors() {
		return f, diags
	}
	content, diags := file.Body.Content(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "plugin", LabelNames: []string{"name"}}},
	})
	for _, block := range content.Blocks {
		e, more := entry(block)
		diags = append(diags, more...)
		if old, ok := f.Entry(e.Name); ok {
			diags = append(diags, diag.Errorf(block.DefRange, "Plugin locked twice",
				"Plugin %q is already locked at line %d. Remove one of the blocks.", e.Name, old.DefRange.Start.Line)...)
			continue
		}
		f.Entries = append(f.Entries, e)
	}
	slices.SortFunc(f.Entries, byName)
	return f, diags
}

func entry(block *hcl.Block) (Entry, hcl.Diagnostics) {
	e := Entry{Name: block.Labels[0], DefRange: block.DefRange}
	content, diags := block.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "version"}, {Name: "sha256"}}})
	if attr := content.Attributes["version"]; attr != nil {
		diags = append(diags, gohcl.DecodeExpression(attr.Expr, nil, &e.Version)...)
	}
	attr := content.Attributes["sha256"]
	if attr != nil {
		diags = append(diags, gohcl.DecodeExpression(attr.Expr, nil, &e.SHA256)...)
	}
	if diags.HasErrors() {
		return e, diags
	}
	if attr == nil {
		return e, diag.Errorf(block.DefRange, "Missing argument", "A plugin is locked by its sha256. A valid block:\n\n%s", form)
	}
	e.Range, e.SHA256 = attr.Expr.Range(), strings.ToLower(e.SHA256)
	if raw, err := hex.DecodeString(e.SHA256); err != nil || len(raw) != 32 {
		return e, diag.Errorf(e.Range, "Invalid sha256", "A SHA-256 digest has 64 hex digits, as printed by sha256sum; this has %d characters.", len(e.SHA256))
	}
	return e, diags
}

// Write replaces a lock file in one step, with the entries in the order of their
// names. Equal entries give equal files. Without entries the file is removed.
func Write(path string, entries []Entry) error {
	if len(entries) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove lock file: %w", err)
		}
		return nil
	}
	if err := resource.WriteFile(path, encode(entries), 0o644); err != nil {
		return fmt.Errorf("write lock file: %w", err)
	}
	return nil
}

func encode(entries []Entry) []byte {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, byName)
	file := hclwrite.NewEmptyFile()
	for _, e := range entries {
		file.Body().AppendNewline()
		block := file.Body().AppendNewBlock("plugin", []string{e.Name}).Body()
		if e.Version != "" {
			block.SetAttributeValue("version", cty.StringVal(e.Version))
		}
		block.SetAttributeValue("sha256", cty.StringVal(e.SHA256))
	}
	return append([]byte(header), hclwrite.Format(file.Bytes())...)
}

func byName(a, b Entry) int { return cmp.Compare(a.Name, b.Name) }
