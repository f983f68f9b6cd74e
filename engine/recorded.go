package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clusterflow/clusterflow/engine/state"
)

// StateName is the name that the state of a pipeline is kept under: that of its
// file, without the extension.
func (e *Engine) StateName(path string) string { return pipelineName(path) }

// State is what is recorded of a pipeline. The file need not exist, and a run may
// go on meanwhile.
func (e *Engine) State(path string) (*state.State, error) {
	return state.Read(filepath.Join(e.opts.StateDir, pipelineName(path)))
}

// Recorded lists the names of all pipelines of which something is recorded.
func (e *Engine) Recorded() ([]string, error) {
	entries, err := os.ReadDir(e.opts.StateDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list recorded pipelines: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if s, err := state.Read(filepath.Join(e.opts.StateDir, entry.Name())); err == nil && s.Run.ID != "" {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}
