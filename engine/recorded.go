package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/state"
)

// StateName is the name that the state of a pipeline is kept under, see
// [config.Pipeline]. The file need not exist.
func (e *Engine) StateName(path string) string {
	if _, err := os.Stat(path); err == nil || e.opts.BuiltIn == nil {
		return config.StateName(config.OS{}, path)
	}
	if filepath.Ext(path) == "" {
		path += ".hcl"
	}
	return config.StateName(e.opts.BuiltIn, path)
}

// State is what is recorded of a pipeline. The file need not exist, and a run may
// go on meanwhile.
func (e *Engine) State(path string) (*state.State, error) {
	return state.Read(filepath.Join(e.opts.StateDir, e.StateName(path)))
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

// forgetAll drops what is recorded of all phases: there is nothing left to undo.
func (p *Pipeline) forgetAll(ctx context.Context, store *state.Store) error {
	var records []state.Record
	for _, address := range store.State().Addresses() {
		records = append(records, state.NodeUndone{Address: address, Time: time.Now().UTC()})
	}
	if len(records) == 0 {
		return nil
	}
	return errors.Join(store.Append(records...), store.Sync(ctx))
}
