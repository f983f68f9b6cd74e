package engine

import (
	"context"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/sdk"
)

// FoundPlugin is a plugin on the search path, with what it says of itself.
type FoundPlugin struct {
	pluginhost.Found
	sdk.Description
	// Problem says why it cannot be used; then there is no description.
	Problem error
}

// Plugins lists all plugins on the search path in the order of their names, those
// that are hidden by another one after it. One that cannot be used is among them.
func (e *Engine) Plugins(ctx context.Context) ([]FoundPlugin, error) {
	found, err := e.host.List()
	if err != nil {
		return nil, err
	}
	out := make([]FoundPlugin, len(found))
	for i, f := range found {
		out[i].Found = f
		out[i].Description, out[i].Problem = e.host.Describe(ctx, pluginhost.Ref{Name: f.Name, Source: f.Path})
	}
	return out, nil
}
