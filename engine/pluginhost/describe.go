package pluginhost

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clusterflow/clusterflow/sdk"
)

// Describe returns what a plugin says about itself. It comes from the cache if
// this very binary has said it before; else the plugin is started. A description
// that breaks the rules of the sdk is refused, as is one of another name. For a
// plugin that cannot be started here, Options.Shipped may know it.
func (h *Host) Describe(ctx context.Context, ref Ref) (sdk.Description, error) {
	d, err := h.describe(ctx, ref)
	if err == nil {
		return d, nil
	}
	if known, ok := h.shipped(ref, err); ok {
		return known, nil
	}
	return d, err
}

func (h *Host) describe(ctx context.Context, ref Ref) (sdk.Description, error) {
	b, err := h.Find(ref)
	if err != nil {
		return sdk.Description{}, err
	}
	k := key{b.Digest, b.Name}
	if d, ok := h.recall(k); ok {
		return d, nil
	}
	lease, err := h.Client(ctx, ref, false)
	if err != nil {
		return sdk.Description{}, err
	}
	defer lease.Release()
	d := lease.process.description
	if err := writeDescription(h.cachePath(k), d); err != nil {
		h.log(Line{Plugin: b.Name, Log: sdk.Log{Level: "warn", Message: err.Error()}})
	}
	return d, nil
}

// recall looks for a description in memory and on disk. A file that cannot be
// used is no error: it will be written again.
func (h *Host) recall(k key) (sdk.Description, bool) {
	h.mu.Lock()
	d, ok := h.described[k]
	h.mu.Unlock()
	if ok {
		return d, true
	}
	d, err := readDescription(h.cachePath(k))
	if err != nil || checkDescription(k.name, d) != nil {
		return sdk.Description{}, false
	}
	h.keep(k, d)
	return d, true
}

func (h *Host) keep(k key, d sdk.Description) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.described[k] = d
}

// checkDescription refuses what the engine could not work with.
func checkDescription(name string, d sdk.Description) error {
	if d.Name != name {
		return sdk.Hint(fmt.Errorf("check description: the plugin calls itself %q, not %q", d.Name, name),
			fmt.Sprintf("Write phase %q, or name the right file in the plugin block.", d.Name+".…"))
	}
	if err := sdk.ValidateDescription(d); err != nil {
		return sdk.Hint(fmt.Errorf("check description: %w", err), "This is a defect of the plugin. Report it to its author.")
	}
	return nil
}

// cachePath is where a description is kept, or "" without a cache. A new protocol
// version may describe more, so it is part of the name.
func (h *Host) cachePath(k key) string {
	if h.opts.CacheDir == "" {
		return ""
	}
	return filepath.Join(h.opts.CacheDir, "describe", fmt.Sprintf("%s-%s-v%d", k.digest, k.name, sdk.ProtocolVersion))
}

func readDescription(path string) (sdk.Description, error) {
	var d sdk.Description
	data, err := os.ReadFile(path)
	if err == nil {
		err = d.UnmarshalBinary(data)
	}
	return d, err
}

func writeDescription(path string, d sdk.Description) error {
	if path == "" {
		return nil
	}
	data, err := d.MarshalBinary()
	if err != nil {
		return fmt.Errorf("cache description: %w", err)
	}
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("cache description: %w", err)
	}
	return nil
}
