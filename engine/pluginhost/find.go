package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/clusterflow/clusterflow/sdk"
)

// prefix begins the file name of every plugin.
const prefix = "clusterflow-plugin-"

// Why a plugin cannot be used, to be tested with errors.Is. The errors that
// [Host.Find] returns say more.
var (
	// ErrNotFound means that there is no file for the plugin, on the search path or
	// where its plugin block says.
	ErrNotFound = errors.New("plugin not found")
	// ErrNotExecutable means that there is a file which may not be executed.
	ErrNotExecutable = errors.New("not an executable file")
	// ErrDirectory means that there is a directory where a file should be.
	ErrDirectory = errors.New("it is a directory")
	// ErrDigest means that the file is not the one that the pipeline pinned.
	ErrDigest = errors.New("wrong digest")
)

// Ref is how a pipeline names a plugin.
type Ref struct {
	// Name is the first half of a phase type.
	Name string
	// Source is the path of its file. Empty means the first one on the search path.
	Source string
	// SHA256 is the digest that the file must have, in hex. Empty means any.
	SHA256 string
}

// Found is a plugin on the search path.
type Found struct {
	Name string
	Path string // empty if there is no file, and Options.Shipped is all that is known
	// ShadowedBy is the path of the file of the same name that comes first and
	// hides this one. Empty for the one that is used.
	ShadowedBy string
}

// Find opens the file of a plugin and takes its digest. A second call for the
// same plugin returns the same Binary, whatever happened to the file.
func (h *Host) Find(ref Ref) (*Binary, error) {
	if ref.Name != filepath.Base(ref.Name) {
		return nil, h.notFound(ref.Name)
	}
	path := absolute(ref.Source)
	if ref.Source == "" {
		var err error
		if path, err = h.lookUp(ref.Name); err != nil {
			return nil, err
		}
	}
	b, err := h.library.open(ref.Name, path, ref.SHA256 != "")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, sdk.Hint(fmt.Errorf("find plugin %q: %w: there is no file %s", ref.Name, ErrNotFound, path),
			"Correct the source of its plugin block, or build the file.")
	case err != nil:
		return nil, fmt.Errorf("open plugin %q: %s: %w", ref.Name, path, err)
	}
	if err := b.check(strings.ToLower(ref.SHA256)); err != nil {
		return nil, fmt.Errorf("open plugin %q: %s: %w", ref.Name, path, err)
	}
	return b, nil
}

// List returns all plugins on the search path in the order of their names, those
// that are hidden by another one after it.
func (h *Host) List() ([]Found, error) {
	var out []Found
	first := map[string]string{}
	for _, dir := range h.opts.Dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list plugins: %w", err)
		}
		for _, e := range entries {
			name, ok := pluginName(e.Name())
			path := filepath.Join(absolute(dir), e.Name())
			if info, err := os.Stat(path); !ok || err != nil || !info.Mode().IsRegular() {
				continue
			}
			out = append(out, Found{Name: name, Path: path, ShadowedBy: first[name]})
			if first[name] == "" {
				first[name] = path
			}
		}
	}
	for name := range h.opts.Shipped {
		if first[name] == "" {
			out = append(out, Found{Name: name})
		}
	}
	slices.SortStableFunc(out, func(a, b Found) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// lookUp returns the first path on the search path where something has the
// plugin's name.
func (h *Host) lookUp(name string) (string, error) {
	for _, dir := range h.opts.Dirs {
		path := filepath.Join(absolute(dir), prefix+name+suffix())
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", h.notFound(name)
}

func (h *Host) notFound(name string) error {
	where := "the search path is empty"
	if len(h.opts.Dirs) > 0 {
		where = "looked in " + strings.Join(h.opts.Dirs, ", ")
	}
	err := fmt.Errorf("find plugin %q: %w: %s", name, ErrNotFound, where)
	hint := fmt.Sprintf("Put %s%s into one of these directories, or name it in a plugin block.", prefix, name)
	if near := h.nearest(name); near != "" {
		hint = fmt.Sprintf("Did you mean %q? Else: %s", near, hint)
	}
	return sdk.Hint(err, hint)
}

// nearest returns the plugin whose name is most like the given one, or "" if more
// than a third of it would have to change.
func (h *Host) nearest(name string) string {
	found, err := h.List()
	if err != nil {
		return ""
	}
	best, least := "", (len(name)+2)/3+1
	for _, f := range found {
		if d := levenshtein.Distance(name, f.Name, nil); d < least {
			best, least = f.Name, d
		}
	}
	return best
}

func pluginName(file string) (string, bool) {
	file, ok := strings.CutSuffix(file, suffix())
	if !ok {
		return "", false
	}
	name, ok := strings.CutPrefix(file, prefix)
	return name, ok && name != ""
}

// suffix is what executables end in.
func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
