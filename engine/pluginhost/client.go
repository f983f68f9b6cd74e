package pluginhost

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// client passes calls on and explains why they broke.
type client struct {
	next sdk.Client
	p    *process
}

var _ sdk.Client = (*client)(nil)

func (c *client) Describe(ctx context.Context) (sdk.Description, error) {
	out, err := c.next.Describe(ctx)
	return out, c.p.explain(ctx, err)
}

func (c *client) Configure(ctx context.Context, conf sdk.Configuration) error {
	return c.p.explain(ctx, c.next.Configure(ctx, conf))
}

func (c *client) Validate(ctx context.Context, typ string, config cty.Value) (sdk.Diagnostics, error) {
	out, err := c.next.Validate(ctx, typ, config)
	if wrong := c.p.agrees(); wrong != nil {
		return out, c.p.disagrees(wrong)
	}
	return out, c.p.explain(ctx, err)
}

func (c *client) Plan(ctx context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	out, err := c.next.Plan(ctx, req)
	if wrong := c.p.agrees(); wrong != nil {
		return out, c.p.disagrees(wrong)
	}
	return out, c.p.explain(ctx, err)
}

func (c *client) Apply(ctx context.Context, req sdk.ApplyRequest, emit func(sdk.Event)) (sdk.Result, error) {
	if wrong := c.p.agrees(); wrong != nil { // before it acts
		return sdk.Result{}, c.p.disagrees(wrong)
	}
	out, err := c.next.Apply(ctx, req, emit)
	return out, c.p.explain(ctx, err)
}

func (c *client) Undo(ctx context.Context, req sdk.UndoRequest, emit func(sdk.Event)) (sdk.Result, error) {
	if wrong := c.p.agrees(); wrong != nil { // before it acts
		return sdk.Result{}, c.p.disagrees(wrong)
	}
	out, err := c.next.Undo(ctx, req, emit)
	return out, c.p.explain(ctx, err)
}

func (c *client) Cancel(ctx context.Context, id sdk.Ident, reason string) (bool, error) {
	out, err := c.next.Cancel(ctx, id, reason)
	return out, c.p.explain(ctx, err)
}

func (c *client) Upgrade(ctx context.Context, typ string, from int64, private []byte) ([]byte, error) {
	out, err := c.next.Upgrade(ctx, typ, from, private)
	if wrong := c.p.agrees(); wrong != nil {
		return out, c.p.disagrees(wrong)
	}
	return out, c.p.explain(ctx, err)
}

func (c *client) CallFunction(ctx context.Context, name string, args []cty.Value) (cty.Value, error) {
	out, err := c.next.CallFunction(ctx, name, args)
	if wrong := c.p.agrees(); wrong != nil {
		return out, c.p.disagrees(wrong)
	}
	return out, c.p.explain(ctx, err)
}

func (p *process) disagrees(err error) error {
	return fmt.Errorf("call plugin %q: %w", p.child.binary.Name, err)
}
