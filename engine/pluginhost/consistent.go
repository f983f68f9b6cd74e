package pluginhost

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/clusterflow/clusterflow/sdk"
)

// errInconsistent reports a plugin whose file is the same, but not what it says of
// itself. The engine has checked the pipeline against what it said before.
var errInconsistent = errors.New("it describes itself otherwise than before, though its file is the same")

// consistent compares what a process says of itself with what is known of its file.
func (h *Host) consistent(b *Binary, d sdk.Description) error {
	k := key{b.Digest, b.Name}
	h.mu.Lock()
	before, known := h.described[k]
	h.mu.Unlock()
	if !known {
		return nil
	}
	before.Version, before.Doc = d.Version, d.Doc // the schemas count
	was, err := before.MarshalBinary()
	if err != nil {
		return fmt.Errorf("check description: %w", err)
	}
	is, err := d.MarshalBinary()
	if err != nil {
		return fmt.Errorf("check description: %w", err)
	}
	if bytes.Equal(was, is) {
		return nil
	}
	if path := h.cachePath(k); path != "" {
		_ = os.Remove(path) // it may be what is wrong
	}
	return sdk.Hint(errInconsistent, "Run the command again. If that does not help it is a defect of the plugin: report it to its author.")
}
