package pluginhost

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"github.com/clusterflow/clusterflow/sdk"
)

// ErrElsewhere means that a plugin is known, but runs on another system only.
var ErrElsewhere = errors.New("it does not run on this system")

// Elsewhere returns an [ErrElsewhere] if a plugin cannot run here and all that is
// known of it is what [Options.Shipped] says. It is to be asked once the plugin
// has been described.
func (h *Host) Elsewhere(ref Ref) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.elsewhere[ref] {
		return nil
	}
	return sdk.Hint(fmt.Errorf("phases of plugin %q need Linux: %w, which is %s/%s", ref.Name, ErrElsewhere, runtime.GOOS, runtime.GOARCH),
		"Run this command on the host that the pipeline is for. Here a pipeline can be checked, drawn and formatted.")
}

// shipped returns the description that came with the engine, if err says that the
// plugin cannot be started here. A file that the pipeline names is not replaced.
func (h *Host) shipped(ref Ref, err error) (sdk.Description, bool) {
	if ref.Source != "" || !unusable(err) {
		return sdk.Description{}, false
	}
	d, ok := h.opts.Shipped[ref.Name]
	if !ok || checkDescription(ref.Name, d) != nil {
		return sdk.Description{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.elsewhere[ref] = true
	return d, true
}

// unusable tells a plugin that is not there, or not for this system, from one that
// is broken.
func unusable(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, syscall.ENOEXEC) || errors.Is(err, errors.ErrUnsupported)
}
