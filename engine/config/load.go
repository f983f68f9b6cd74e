package config

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// maxModuleDepth bounds modules inside of modules, for directories that contain
// links to themselves.
const maxModuleDepth = 32

// LockFile lies next to pipelines but is none, see package lock.
const LockFile = "clusterflow.lock.hcl"

// LoadFile loads a pipeline from the file system of the machine.
func LoadFile(name string) (*Pipeline, hcl.Diagnostics) { return Load(OS{}, name) }

// Load reads the root file and every module that it reaches, and checks all that
// can be told from the text. The pipeline is never nil: with errors it holds at
// least the sources that were read, so that the errors can be shown.
func Load(fsys fs.FS, name string) (*Pipeline, hcl.Diagnostics) {
	l := &loader{fsys: fsys, files: map[string]*hcl.File{}, modules: map[string]*Module{}}
	p := &Pipeline{Path: name, State: baseName(name), Files: l.files, FS: fsys}
	p.Root = l.root(p)
	p.Modules = append(p.Modules, p.Root)
	for _, dir := range sortedKeys(l.modules) {
		p.Modules = append(p.Modules, l.modules[dir])
	}
	if !l.diags.HasErrors() {
		functions := lang.FunctionNames()
		for _, m := range p.Modules {
			l.report(check(m, functions))
		}
	}
	return p, diag.Tidy(l.diags)
}

type loader struct {
	fsys    fs.FS
	files   map[string]*hcl.File
	modules map[string]*Module // by directory, without the root
	diags   hcl.Diagnostics
	// open are the sources on the way from the root to the module being read.
	open []string
}

func (l *loader) report(diags hcl.Diagnostics) { l.diags = append(l.diags, diags...) }

func (l *loader) root(p *Pipeline) *Module {
	name := p.Path
	m := newModule(path.Dir(name))
	d := &decoder{module: m, root: p, none: &Settings{}, files: map[string]bool{path.Clean(name): true}}
	blocks := l.unit(d, name, nil)
	l.report(d.diags)
	if blocks == 0 && !l.diags.HasErrors() {
		at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		l.report(diag.Errorf(at, "Empty pipeline",
			"The file %s declares nothing. A pipeline has at least one phase:\n\n%s", name, phaseForm))
	}
	l.children(m)
	return m
}

// children loads what the module blocks of m lead to.
func (l *loader) children(m *Module) {
	for _, name := range sortedKeys(m.Calls) {
		call := m.Calls[name]
		if call.Source != "" {
			call.Module = l.child(call)
		}
	}
}

func (l *loader) child(call *Call) *Module {
	dir := call.Source
	if !path.IsAbs(dir) {
		dir = path.Join(path.Dir(call.SourceRange.Filename), dir)
	}
	if i := slices.Index(l.open, dir); i >= 0 {
		l.report(diag.Errorf(call.SourceRange, "Module includes itself",
			"These directories include each other without end: %s. A module cannot contain itself, not even through another one.",
			strings.Join(append(slices.Clone(l.open[i:]), dir), " -> ")))
		return nil
	}
	if m, ok := l.modules[dir]; ok {
		return m
	}
	if len(l.open) >= maxModuleDepth {
		l.report(diag.Errorf(call.SourceRange, "Modules nested too deeply",
			"There are more than %d modules inside of each other on the way to %s.", maxModuleDepth, dir))
		return nil
	}
	l.open = append(l.open, dir)
	defer func() { l.open = l.open[:len(l.open)-1] }()
	m := newModule(dir)
	if !l.directory(m, call) {
		return nil
	}
	l.modules[dir] = m
	l.children(m)
	return m
}

// directory merges the files of a module, in the order of their names, and what they
// include.
func (l *loader) directory(m *Module, call *Call) bool {
	entries, err := fs.ReadDir(l.fsys, m.Dir)
	if err != nil {
		l.report(l.sourceProblem(m.Dir, call))
		return false
	}
	var names []string
	d := &decoder{module: m, none: &Settings{}, files: map[string]bool{}}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".hcl" || strings.HasPrefix(e.Name(), ".") || e.Name() == LockFile {
			continue
		}
		name := path.Join(m.Dir, e.Name())
		names = append(names, name)
		d.files[name] = true
	}
	blocks := 0
	for _, name := range names {
		blocks += l.unit(d, name, call.SourceRange.Ptr())
	}
	l.report(d.diags)
	if blocks == 0 {
		l.report(diag.Errorf(call.SourceRange, "Empty module",
			"No .hcl file in the directory %s declares anything. A module has at least one block.", m.Dir))
		return false
	}
	return true
}

// sourceProblem says why a directory is no module.
func (l *loader) sourceProblem(dir string, call *Call) hcl.Diagnostics {
	if info, err := fs.Stat(l.fsys, dir); err == nil && !info.IsDir() {
		return diag.Errorf(call.SourceRange, "Module is a file",
			"%s is a file; a module is the directory that holds it: source = %q.", dir, dotted(path.Dir(call.Source)))
	}
	var siblings []string
	entries, err := fs.ReadDir(l.fsys, path.Dir(dir))
	for _, e := range entries {
		if err == nil && e.IsDir() {
			siblings = append(siblings, e.Name())
		}
	}
	hint := ""
	if s := diag.Suggest(path.Base(dir), siblings); s != "" {
		hint = " Did you mean \"" + dotted(path.Join(path.Dir(call.Source), s)) + "\"?"
	}
	return diag.Errorf(call.SourceRange, "Module not found", "There is no directory %s.%s", dir, hint)
}

// dotted writes a relative path so that it is a valid source.
func dotted(p string) string {
	if path.IsAbs(p) || strings.HasPrefix(p, ".") {
		return p
	}
	return "./" + p
}

func newModule(dir string) *Module {
	return &Module{
		Dir: dir, Plugins: map[string]*Plugin{}, Variables: map[string]*Variable{}, Locals: map[string]*Local{},
		Outputs: map[string]*Output{}, Pools: map[string]*Pool{}, Phases: map[string]*Phase{}, Finally: map[string]*Phase{}, Calls: map[string]*Call{},
	}
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
