package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/lock"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/sdk"
)

var (
	_ expand.Schemas = schemas{}
	_ plan.Plugins   = (*plugins)(nil)
	_ run.Launcher   = (*plugins)(nil)
)

// plugins gives the packages below access to the plugins of one pipeline, by the
// names that it uses.
type plugins struct {
	host *pluginhost.Host
	refs map[string]pluginhost.Ref
	// locked is what the lock file says of them.
	locked []lock.Entry
	// described holds what each plugin of the pipeline said of itself. It does not
	// change once the pipeline is loaded.
	described map[string]description
	started   map[string]bool // while the pipeline is loaded

	mu      sync.Mutex
	shared  map[string]pluginhost.Lease // of the processes in use, by plugin
	shares  map[string]*share           // who uses them
	digests map[string]string
}

type description struct {
	sdk.Description
	err error
}

// newPlugins reads the plugin blocks of a pipeline.
func newPlugins(host *pluginhost.Host, source *config.Pipeline) *plugins {
	p := &plugins{
		host: host, refs: map[string]pluginhost.Ref{}, described: map[string]description{}, started: map[string]bool{},
		shared: map[string]pluginhost.Lease{}, shares: map[string]*share{}, digests: map[string]string{},
	}
	for name, block := range source.Root.Plugins {
		p.refs[name] = pluginhost.Ref{Name: name, Source: block.Source, SHA256: block.SHA256}
	}
	return p
}

// describeAll lets the plugins that the pipeline uses describe themselves, all at
// once: on a new host each is hashed and started for that. Problems are kept for
// the phases that use the plugin.
func (p *plugins) describeAll(ctx context.Context, source *config.Pipeline) {
	names := pluginsOf(source)
	descriptions := make([]description, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { descriptions[i] = p.describe(ctx, name) })
	}
	group.Wait()
	for i, name := range names {
		p.described[name] = descriptions[i]
	}
}

// pluginsOf lists the plugins that phases and functions are of, each once.
func pluginsOf(source *config.Pipeline) []string {
	var names []string
	for _, m := range source.Modules {
		for _, phase := range m.Steps() {
			names = append(names, phase.Plugin)
		}
		for _, e := range m.Exprs() {
			for _, call := range e.Calls() {
				if plugin, _, ok := call.Plugin(); ok {
					names = append(names, plugin)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// warmFirst starts the plugins of the phases that stand in the pipeline's own file
// without a condition: they are needed for certain, and first.
func (p *plugins) warmFirst(ctx context.Context, source *config.Pipeline) {
	for _, phase := range source.Root.Steps() {
		if phase.When == nil {
			p.start(ctx, phase.Plugin)
		}
	}
}

// warm starts the plugins of all phases that may run.
func (p *plugins) warm(ctx context.Context, program *expand.Program) {
	for _, n := range program.Nodes {
		if !p.started[n.Plugin] && !neverRuns(n) {
			p.start(ctx, n.Plugin)
		}
	}
}

// start starts a plugin that can run here. Problems come up again when it is used.
func (p *plugins) start(ctx context.Context, name string) {
	if !p.started[name] && p.described[name].err == nil && p.elsewhere(name) == nil {
		p.started[name] = true
		_ = p.host.Start(ctx, p.ref(name))
	}
}

func (p *plugins) describe(ctx context.Context, plugin string) description {
	ref := p.ref(plugin)
	d, err := p.host.Describe(ctx, ref)
	if !errors.Is(err, pluginhost.ErrNotFound) || ref.Source != "" {
		return description{d, err}
	}
	found, listErr := p.host.List()
	if listErr != nil {
		return description{d, listErr}
	}
	missing := &expand.NotFoundError{Plugin: plugin}
	for _, f := range found {
		if f.ShadowedBy == "" {
			missing.Known = append(missing.Known, f.Name)
		}
	}
	return description{d, missing}
}

func (p *plugins) ref(name string) pluginhost.Ref {
	if ref, ok := p.refs[name]; ok {
		return ref
	}
	return pluginhost.Ref{Name: name}
}

// elsewhere says why a plugin cannot run on this system, if so.
func (p *plugins) elsewhere(plugin string) error { return p.host.Elsewhere(p.ref(plugin)) }

// Type returns the schema of a phase type.
func (p *plugins) Type(plugin, typ string) (sdk.TypeDescription, error) {
	d, ok := p.described[plugin]
	switch {
	case !ok:
		return sdk.TypeDescription{}, &expand.NotFoundError{Plugin: plugin}
	case d.err != nil:
		return sdk.TypeDescription{}, d.err
	}
	if t, ok := d.Type(typ); ok {
		return t, nil
	}
	missing := &expand.NotFoundError{Plugin: plugin, Type: typ}
	for _, t := range d.Types {
		missing.Known = append(missing.Known, t.Name)
	}
	return sdk.TypeDescription{}, missing
}

// Client returns a client of the plugin's shared process, for calls that change
// nothing.
func (p *plugins) Client(ctx context.Context, plugin string) (sdk.Client, error) {
	lease, err := p.lease(ctx, plugin)
	if err != nil {
		return nil, err
	}
	return &reader{Client: lease.Client, plugins: p, plugin: plugin}, nil
}

// lease returns the use of the plugin's shared process. It is not released: the
// process ends with the host.
func (p *plugins) lease(ctx context.Context, plugin string) (pluginhost.Lease, error) {
	p.mu.Lock()
	lease, ok := p.shared[plugin]
	p.mu.Unlock()
	if ok && lease.Diagnosis() == nil {
		return lease, nil
	}
	lease, err := p.host.Client(ctx, p.ref(plugin), false)
	if err != nil {
		return lease, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared[plugin] = lease
	return lease, nil
}

// reader asks again, in a new process, when the one that it shares with other
// phases died under a call that only reads: it may be another phase's fault.
type reader struct {
	sdk.Client
	plugins *plugins
	plugin  string
}

// Plan implements [sdk.Client].
func (r *reader) Plan(ctx context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	out, err := r.Client.Plan(ctx, req)
	var crash *pluginhost.CrashError
	if !errors.As(err, &crash) {
		return out, err
	}
	lease, startErr := r.plugins.lease(ctx, r.plugin)
	if startErr != nil {
		return out, err
	}
	return lease.Client.Plan(ctx, req)
}

// Digest is the sha256 of the plugin's binary, or "" if there is none.
func (p *plugins) Digest(plugin string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	digest, ok := p.digests[plugin]
	if !ok {
		if b, err := p.host.Find(p.ref(plugin)); err == nil {
			digest = b.Digest
		}
		p.digests[plugin] = digest
	}
	return digest
}

// Launch returns the use of a plugin process.
func (p *plugins) Launch(ctx context.Context, plugin string, isolated bool) (run.Lease, error) {
	if !isolated {
		return p.join(ctx, plugin)
	}
	lease, err := p.host.Client(ctx, p.ref(plugin), true)
	if err != nil {
		return run.Lease{}, err
	}
	return run.Lease{Client: lease.Client, Kill: func(<-chan struct{}) { lease.Kill() }, Release: lease.Release}, nil
}
