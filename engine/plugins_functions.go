package engine

import (
	"context"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/sdk"
)

// functionTime is how long a function of a plugin may take. It does no I/O.
const functionTime = 30 * time.Second

// schemas are the plugins as the language sees them. Expressions are evaluated
// until the pipeline is forgotten, so that their calls outlive the context in
// which it was loaded.
type schemas struct {
	*plugins
	call func(plugin, name string, args []cty.Value) (cty.Value, error)
}

func (p *plugins) schemas(ctx context.Context) schemas {
	ctx = context.WithoutCancel(ctx)
	return schemas{plugins: p, call: func(plugin, name string, args []cty.Value) (cty.Value, error) {
		ctx, cancel := context.WithTimeout(ctx, functionTime)
		defer cancel()
		lease, err := p.host.Client(ctx, p.ref(plugin), false)
		if err != nil {
			return cty.NilVal, err
		}
		defer lease.Release()
		return lease.Client.CallFunction(ctx, name, args)
	}}
}

// Function returns a function of a plugin, which calls it.
func (s schemas) Function(plugin, name string) (sdk.Function, error) {
	d, ok := s.described[plugin]
	switch {
	case !ok:
		return sdk.Function{}, &expand.NotFoundError{Plugin: plugin}
	case d.err != nil:
		return sdk.Function{}, d.err
	}
	i := slices.IndexFunc(d.Functions, func(f sdk.Function) bool { return f.Name == name })
	if i < 0 {
		missing := &expand.NotFoundError{Plugin: plugin, Function: name}
		for _, f := range d.Functions {
			missing.Known = append(missing.Known, f.Name)
		}
		return sdk.Function{}, missing
	}
	f := d.Functions[i]
	f.Call = func(args []cty.Value) (cty.Value, error) { return s.call(plugin, name, args) }
	return f, nil
}
