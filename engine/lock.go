package engine

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lock"
	"github.com/clusterflow/clusterflow/engine/pluginhost"
)

// Lock returns what the lock file of a pipeline has to say: an entry for each of
// its plugins that has a plugin block or is not in own, the directory of
// clusterflow's own plugins. It takes them as they are, whatever was locked before.
func (e *Engine) Lock(ctx context.Context, path, own string) ([]lock.Entry, map[string]*hcl.File, hcl.Diagnostics) {
	source, diags := config.LoadFile(path)
	if diags.HasErrors() {
		return nil, source.Files, diags
	}
	p := newPlugins(e.host, source)
	p.describeAll(ctx, source)
	var entries []lock.Entry
	for _, name := range slices.Sorted(maps.Keys(p.described)) {
		d, ref := p.described[name], p.ref(name)
		binary, err := p.host.Find(ref)
		if err = errors.Join(err, d.err); err != nil {
			diags = append(diags, diag.FromError(err)...)
			continue
		}
		if ref.Source != "" || filepath.Dir(binary.Path) != filepath.Clean(own) {
			entries = append(entries, lock.Entry{Name: name, Version: d.Version, SHA256: binary.Digest})
		}
	}
	return entries, source.Files, diags
}

// readLock pins the plugins of a pipeline to what the lock file beside it says,
// and adds the lock file to the sources.
func (p *plugins) readLock(pipeline *config.Pipeline) hcl.Diagnostics {
	if _, ok := pipeline.FS.(config.OS); !ok {
		return nil // a pipeline inside of the binary uses what comes with it
	}
	file, diags := lock.Read(lock.Beside(pipeline.Path))
	if file.Source != nil {
		pipeline.Files[file.Path] = file.Source
	}
	for _, e := range file.Entries {
		ref := p.ref(e.Name)
		block := pipeline.Root.Plugins[e.Name]
		if ref.SHA256 != "" && ref.SHA256 != e.SHA256 {
			diags = append(diags, diag.Errorf(block.DefRange, "Plugin pinned twice",
				"This block pins plugin %q to %s, %s:%d to %s. Remove the sha256 here, or run clusterflow plugins lock when the digest here is right.",
				e.Name, ref.SHA256, file.Path, e.Range.Start.Line, e.SHA256)...)
		}
		ref.SHA256 = e.SHA256
		p.refs[e.Name] = ref
		p.locked = append(p.locked, e)
	}
	return diags
}

// checkLock reports plugins that are not the ones that were locked.
func (p *plugins) checkLock() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, e := range p.locked {
		if !errors.Is(p.described[e.Name].err, pluginhost.ErrDigest) {
			continue
		}
		found, err := p.host.Find(pluginhost.Ref{Name: e.Name, Source: p.refs[e.Name].Source})
		if err != nil {
			continue // it is gone by now; its phases say so
		}
		version := ""
		if e.Version != "" {
			version = " (version " + e.Version + ")"
		}
		diags = append(diags, diag.Errorf(e.Range, "Plugin is not the locked one",
			"Plugin %q was locked%s with\n\n  sha256  %s\n\nbut %s has\n\n  sha256  %s\n\nIf you replaced it, run clusterflow plugins lock. If not, find out who did before you run it.",
			e.Name, version, e.SHA256, found.Path, found.Digest)...)
	}
	return diags
}
