package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/zclconf/go-cty/cty"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// ErrNoResult reports that a call ended without a result: the plugin crashed or
// broke the protocol, and nobody knows what it did.
var ErrNoResult = errors.New("the plugin ended the call without a result")

// client is the engine's end of the wire.
type client struct {
	rpc pb.PluginServiceClient

	types madeTypes

	mu   sync.Mutex
	desc *Description // fetched once
}

var _ Client = (*client)(nil)

func (c *client) Describe(ctx context.Context) (Description, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.describe(ctx); err != nil {
		return Description{}, err
	}
	return *c.desc, nil
}

// describe asks the plugin once. The caller holds the lock.
func (c *client) describe(ctx context.Context) error {
	if c.desc != nil {
		return nil
	}
	r, err := c.rpc.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	d, err := descriptionFromWire(r)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	c.desc = &d
	return nil
}

func (c *client) Configure(ctx context.Context, conf Configuration) error {
	r, err := c.rpc.Configure(ctx, &pb.ConfigureRequest{EngineVersion: conf.EngineVersion})
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return asError(r.GetDiagnostics())
}

func (c *client) Validate(ctx context.Context, typ string, config cty.Value) (Diagnostics, error) {
	t, err := c.typ(ctx, typ)
	if err != nil {
		return nil, err
	}
	wire, err := valueToWire(config, t.config)
	if err != nil {
		return nil, err
	}
	r, err := c.rpc.Validate(ctx, &pb.ValidateRequest{Type: typ, Config: wire})
	if err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	return diagsFromWire(r.GetDiagnostics()), nil
}

func (c *client) Plan(ctx context.Context, req PlanRequest) (Plan, error) {
	t, err := c.typ(ctx, req.Type)
	if err != nil {
		return Plan{}, err
	}
	wire := &pb.PlanRequest{
		Id: identToWire(req.ID), Type: req.Type, Private: req.Private, Unchanged: req.Unchanged, Undo: req.Undo,
	}
	if wire.Config, err = valueToWire(req.Config, t.config); err != nil {
		return Plan{}, err
	}
	if wire.Outputs, err = valueToWire(req.Outputs, t.outputs); err != nil {
		return Plan{}, err
	}
	r, err := c.rpc.Plan(ctx, wire)
	if err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	if diags := diagsFromWire(r.GetDiagnostics()); diags.HasErrors() {
		return Plan{}, diags
	}
	plan := Plan{Private: r.GetPrivate(), Diagnostics: diagsFromWire(r.GetDiagnostics())}
	for _, w := range r.GetChanges() {
		plan.Changes = append(plan.Changes, changeFromWire(w))
	}
	if req.Undo {
		return plan, nil
	}
	if plan.Outputs, err = valueFromWire(r.GetOutputs(), t.outputs); err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	return plan, checkOutputs(t.outputs, plan.Outputs, len(plan.Changes) == 0)
}

func (c *client) Apply(ctx context.Context, req ApplyRequest, emit func(Event)) (Result, error) {
	t, err := c.typ(ctx, req.Type)
	if err != nil {
		return Result{}, err
	}
	config, err := valueToWire(req.Config, t.config)
	if err != nil {
		return Result{}, err
	}
	stream, err := c.rpc.Apply(ctx, &pb.ApplyRequest{
		Id: identToWire(req.ID), Type: req.Type, Config: config, Private: req.Private, Fingerprint: req.Fingerprint,
	})
	if err != nil {
		return Result{}, fmt.Errorf("%w: apply: %w", ErrNoResult, err)
	}
	result, err := receive(func() (*pb.Event, error) { r, err := stream.Recv(); return r.GetEvent(), err }, t, emit)
	if err == nil && result.Status == StatusOK {
		err = checkOutputs(t.outputs, result.Outputs, true)
	}
	return result, err
}

func (c *client) Undo(ctx context.Context, req UndoRequest, emit func(Event)) (Result, error) {
	t, err := c.typ(ctx, req.Type)
	if err != nil {
		return Result{}, err
	}
	config, err := valueToWire(req.Config, t.config)
	if err != nil {
		return Result{}, err
	}
	stream, err := c.rpc.Undo(ctx, &pb.UndoRequest{
		Id: identToWire(req.ID), Type: req.Type, Config: config, Private: req.Private,
	})
	if err != nil {
		return Result{}, fmt.Errorf("%w: undo: %w", ErrNoResult, err)
	}
	return receive(func() (*pb.Event, error) { r, err := stream.Recv(); return r.GetEvent(), err }, t, emit)
}

func (c *client) Cancel(ctx context.Context, id Ident, reason string) (bool, error) {
	r, err := c.rpc.Cancel(ctx, &pb.CancelRequest{Id: identToWire(id), Reason: validText(reason)})
	if err != nil {
		return false, fmt.Errorf("cancel: %w", err)
	}
	return r.GetKnown(), nil
}

func (c *client) Upgrade(ctx context.Context, typ string, from int64, private []byte) ([]byte, error) {
	r, err := c.rpc.Upgrade(ctx, &pb.UpgradeRequest{Type: typ, From: from, Private: private})
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	return r.GetPrivate(), asError(r.GetDiagnostics())
}

func (c *client) CallFunction(ctx context.Context, name string, args []cty.Value) (cty.Value, error) {
	d, err := c.Describe(ctx)
	if err != nil {
		return cty.NilVal, err
	}
	for _, f := range d.Functions {
		if f.Name != name || len(f.Params) != len(args) {
			continue
		}
		wire := &pb.CallFunctionRequest{Name: name}
		for i, p := range f.Params {
			arg, err := valueToWire(args[i], p)
			if err != nil {
				return cty.NilVal, err
			}
			wire.Args = append(wire.Args, arg)
		}
		r, err := c.rpc.CallFunction(ctx, wire)
		if err != nil {
			return cty.NilVal, fmt.Errorf("call %s: %w", name, err)
		}
		if err := asError(r.GetDiagnostics()); err != nil {
			return cty.NilVal, err
		}
		return valueFromWire(r.GetResult(), f.Result)
	}
	return cty.NilVal, fmt.Errorf("call %s: plugin %q has no such function with %d parameters", name, d.Name, len(args))
}

func (c *client) typ(ctx context.Context, name string) (valueTypes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.describe(ctx); err != nil {
		return valueTypes{}, err
	}
	t, ok := c.types.get(name, c.desc.attributes)
	if !ok {
		return valueTypes{}, fmt.Errorf("find type %q: plugin %q has none of that name", name, c.desc.Name)
	}
	return t, nil
}

func asError(wire []*pb.Diagnostic) error {
	if diags := diagsFromWire(wire); diags.HasErrors() {
		return diags
	}
	return nil
}
