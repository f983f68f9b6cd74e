package engine

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// Options configure an [Engine].
type Options struct {
	// Version of clusterflow, told to plugins and recorded with each run.
	Version string
	// StateDir holds a directory for each pipeline. Required.
	StateDir string
	// Plugins configures how plugins are found and started.
	Plugins pluginhost.Options
	// BuiltIn holds pipelines that are meant where there is no file of that path. May
	// be nil.
	BuiltIn fs.FS
	// Warm starts the plugins of a pipeline once it is loaded, for those who plan it
	// next. Without it Load starts no process whose description is cached.
	Warm bool
	// Ask gets the value of a sensitive variable of the pipeline that must have one and
	// has none. Nil means that nobody can be asked.
	Ask func(ctx context.Context, name, description string) (string, error)
	// Warn gets what is worth knowing and stops nothing. May be nil.
	Warn func(text string)
}

// Engine loads, plans, applies and undoes pipelines. It owns plugin processes;
// the caller must Close it.
type Engine struct {
	opts Options
	host *pluginhost.Host
}

// New returns an engine. It starts nothing yet.
func New(opts Options) (*Engine, error) {
	opts.Plugins.EngineVersion = opts.Version
	if opts.Warn == nil {
		opts.Warn = func(string) {}
	}
	host, err := pluginhost.New(opts.Plugins)
	if err != nil {
		return nil, fmt.Errorf("start plugin host: %w", err)
	}
	return &Engine{opts: opts, host: host}, nil
}

// StateDir is where the state of pipelines is kept.
func (e *Engine) StateDir() string { return e.opts.StateDir }

// Close ends all plugin processes.
func (e *Engine) Close(ctx context.Context) error { return e.host.Close(ctx) }

// Kill kills all plugin processes with their groups, and waits for nothing. It is
// for a process that is about to end.
func (e *Engine) Kill() { e.host.Kill() }

// Pipeline is a pipeline that was loaded and checked.
type Pipeline struct {
	// Name is what the state is kept under, see [config.Pipeline].
	Name string
	Path string
	// file is the absolute path, or "" for a pipeline that came with clusterflow or
	// shares its state.
	file    string
	Program *expand.Program
	Files   map[string]*hcl.File // the sources, for diagnostics

	whole   *expand.Program // what Program was before Select
	engine  *Engine
	plugins *plugins
	given   given
	wanted  selection.Selection
	forget  bool
}

// Forgets reports that the pipeline takes away what others made and drops their
// records: there is nothing in it to undo.
func (p *Pipeline) Forgets() bool { return p.forget }

// Load reads a pipeline with its modules from the file system of the machine, see
// [Engine.LoadFrom].
func (e *Engine) Load(ctx context.Context, path string, vars map[string]expand.VarInput) (*Pipeline, hcl.Diagnostics) {
	return e.LoadFrom(ctx, config.OS{}, path, vars)
}

// LoadFrom reads a pipeline with its modules, gives its variables their values and
// checks it against the schemas of its plugins. With errors the pipeline holds
// only Files. No phase is planned, and no plugin process runs if its schema is
// cached, none of its functions is called and Options.Warm is not set.
func (e *Engine) LoadFrom(ctx context.Context, fsys fs.FS, path string, vars map[string]expand.VarInput) (*Pipeline, hcl.Diagnostics) {
	source, diags := config.Load(fsys, path)
	_, onDisk := fsys.(config.OS)
	p := &Pipeline{Name: source.State, Path: path, Files: source.Files, engine: e, forget: source.Forget}
	if onDisk && !source.Shares {
		p.file = absolute(path)
	}
	if diags.HasErrors() {
		return p, diags
	}
	if err := e.ask(ctx, source.Root.Variables, vars); err != nil {
		return p, diag.FromError(err)
	}
	p.plugins = newPlugins(e.host, source)
	diags = append(diags, p.plugins.readLock(source)...)
	p.plugins.describeAll(ctx, source)
	if diags = append(diags, p.plugins.checkLock()...); diags.HasErrors() {
		return p, diag.Tidy(diags)
	}
	if e.opts.Warm {
		p.plugins.warmFirst(ctx, source)
	}
	p.given = given{builtIn: !onDisk, sources: sourceDigests(source.Files), vars: vars, declared: source.Root.Variables}
	program, more := expand.Expand(source, vars, p.plugins.schemas(ctx))
	diags = append(diags, more...)
	if diags.HasErrors() {
		return p, diag.Tidy(diags)
	}
	p.Program, p.whole = program, program
	if e.opts.Warm {
		p.plugins.warm(ctx, program)
	}
	return p, diags
}

// Validate lets the plugins check the configs of all phases as far as they are
// known, without looking at the host.
func (p *Pipeline) Validate(ctx context.Context) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, n := range p.Program.Nodes {
		if neverRuns(n) {
			continue // it need not have sensible values
		}
		config, more := n.Config(plan.Outcomes{})
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		if p.plugins.elsewhere(n.Plugin) != nil {
			continue // its schema is all there is here
		}
		client, err := p.plugins.Client(ctx, n.Plugin)
		if err != nil {
			return append(diags, n.Place(sdk.Diagnose(err))...)
		}
		bare, _ := config.UnmarkDeep()
		problems, err := client.Validate(ctx, n.Type, bare)
		diags = append(diags, n.Place(append(problems, sdk.Diagnose(err)...))...)
	}
	return diag.Tidy(diags)
}

// neverRuns reports a phase whose condition is false whatever other phases do.
func neverRuns(n *expand.Node) bool {
	run, known, diags := n.When(plan.Outcomes{})
	return known && !run && !diags.HasErrors()
}

// StateDir is where the state of the pipeline is kept.
func (p *Pipeline) StateDir() string { return filepath.Join(p.engine.opts.StateDir, p.Name) }

// Plan says what Apply would do. It reads the state without taking it.
func (p *Pipeline) Plan(ctx context.Context) (*plan.Plan, error) {
	prior, err := state.Read(p.StateDir())
	if err != nil {
		return nil, err
	}
	if err := p.owns(prior); err != nil {
		return nil, err
	}
	planner, err := p.planner(nil)
	if err != nil {
		return nil, err
	}
	if planner.Key, err = readKey(p.StateDir()); err != nil {
		return nil, err
	}
	return planner.Build(ctx, prior)
}

// planner returns a planner without a key.
func (p *Pipeline) planner(rerun []string) (*plan.Planner, error) {
	if diags := p.elsewhere(); diags.HasErrors() {
		return nil, diags
	}
	planner := &plan.Planner{Program: p.Program, Whole: p.whole, Plugins: p.plugins, Rerun: map[string]bool{}, Forget: p.forget && p.Program == p.whole}
	for _, address := range rerun {
		if _, ok := p.Program.Node(address); !ok {
			return nil, p.unknownPhase(address)
		}
		planner.Rerun[address] = true
	}
	return planner, nil
}

// UnknownPhaseError says that a phase which was named does not exist.
type UnknownPhaseError struct{ Address, Suggestion string }

func (e *UnknownPhaseError) Error() string {
	return fmt.Sprintf("there is no phase %s.%s", e.Address, e.Suggestion)
}

func (p *Pipeline) unknownPhase(address string) error {
	var known []string
	for _, n := range p.Program.Nodes {
		known = append(known, n.Address)
	}
	return unknownPhase(address, known)
}

// Outputs evaluates the pipeline's outputs with what is known of its phases.
// Outputs that are not known yet are unknown values.
func (p *Pipeline) Outputs(known plan.Outcomes) (map[string]expand.Output, hcl.Diagnostics) {
	return p.Program.Outputs(known)
}
