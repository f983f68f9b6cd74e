package sdk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/rs/zerolog"
	"github.com/zclconf/go-cty/cty"
)

// Direct returns a client that runs a plugin in this process, without a wire. It
// is what the gRPC server calls, and what tests use.
func Direct(spec Spec) Client {
	return &direct{spec: spec, running: map[string]context.CancelCauseFunc{}}
}

type direct struct {
	spec  Spec
	types madeTypes

	mu      sync.Mutex
	running map[string]context.CancelCauseFunc // by Ident.key
}

func (d *direct) Describe(context.Context) (Description, error) { return describe(d.spec), nil }

func (d *direct) Configure(context.Context, Configuration) error { return nil }

func (d *direct) Validate(ctx context.Context, typ string, config cty.Value) (Diagnostics, error) {
	t, err := d.typ(typ)
	if err != nil {
		return nil, err
	}
	return validate(ctx, t.Handler, config), nil
}

func validate(ctx context.Context, h Handler, config cty.Value) (diags Diagnostics) {
	var err error
	defer func() { diags = append(diags, Diagnose(err)...) }()
	defer recoverTo(&err)
	return h.Validate(ctx, config)
}

func (d *direct) Plan(ctx context.Context, req PlanRequest) (plan Plan, err error) {
	t, err := d.typ(req.Type)
	if err != nil {
		return Plan{}, err
	}
	defer recoverTo(&err)
	if !req.Undo {
		if problems := t.Handler.Validate(ctx, req.Config); problems.HasErrors() {
			return Plan{}, permanent(problems)
		}
	}
	plan, err = t.Handler.Plan(ctx, req)
	if err != nil || req.Undo {
		return plan, err
	}
	if plan.Diagnostics.HasErrors() {
		return Plan{}, plan.Diagnostics
	}
	switch {
	case len(t.Outputs) == 0 && plan.Outputs == cty.NilVal:
		plan.Outputs = cty.EmptyObjectVal
	case plan.Outputs == cty.NilVal:
		plan.Outputs = cty.UnknownVal(d.outputs(t.Name))
	}
	if err := checkOutputs(d.outputs(t.Name), plan.Outputs, len(plan.Changes) == 0); err != nil {
		return Plan{}, fmt.Errorf("plan %s.%s: %w", d.spec.Name, t.Name, err)
	}
	return plan, nil
}

func (d *direct) Apply(ctx context.Context, req ApplyRequest, emit func(Event)) (Result, error) {
	t, err := d.typ(req.Type)
	if err != nil {
		return Result{}, err
	}
	return d.run(ctx, req.ID, emit, func(ctx context.Context) (Result, error) {
		result, err := t.Handler.Apply(ctx, req)
		if err != nil {
			return result, err
		}
		if len(t.Outputs) == 0 {
			result.Outputs = cty.EmptyObjectVal
		}
		if err := checkOutputs(d.outputs(t.Name), result.Outputs, true); err != nil {
			return result, Permanent(fmt.Errorf("apply %s.%s: %w", d.spec.Name, t.Name, err))
		}
		return result, nil
	})
}

func (d *direct) Undo(ctx context.Context, req UndoRequest, emit func(Event)) (Result, error) {
	t, err := d.typ(req.Type)
	if err != nil {
		return Result{}, err
	}
	return d.run(ctx, req.ID, emit, func(ctx context.Context) (Result, error) {
		result, err := t.Handler.Undo(ctx, req)
		result.Outputs = cty.NilVal
		return result, err
	})
}

// run gives a handler its logger, emitter and cancellation, and turns its error
// into a result.
func (d *direct) run(
	ctx context.Context, id Ident, emit func(Event), call func(context.Context) (Result, error),
) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.mu.Lock()
	if _, busy := d.running[id.key()]; busy {
		d.mu.Unlock()
		return Result{}, fmt.Errorf("start %s: this attempt is running already", id.Node)
	}
	d.running[id.key()] = cancel
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.running, id.key())
		d.mu.Unlock()
	}()

	events := &serial{emit: emit}
	defer events.close()
	ctx = WithEmitter(ctx, events.send)
	logger := zerolog.New(logWriter{events.send}).Level(zerolog.DebugLevel)
	result, err := safely(logger.WithContext(ctx), call)
	if err != nil {
		return failure(ctx, result, err), nil
	}
	result.Status = StatusOK
	return result, nil
}

// failure is the result of a call that returned an error. It keeps the private
// record: something may have been done.
func failure(ctx context.Context, result Result, err error) Result {
	result.Status, result.Outputs = StatusFailed, cty.NilVal
	cause := context.Cause(ctx)
	var cancelled *CancelledError
	if errors.As(cause, &cancelled) {
		result.Status = StatusCancelled
	}
	if errors.Is(err, context.Canceled) && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", err, cause) // "context canceled" says little
	}
	result.Diagnostics = append(result.Diagnostics, Diagnose(err)...)
	return result
}

func (d *direct) Cancel(_ context.Context, id Ident, reason string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	cancel, known := d.running[id.key()]
	if known {
		cancel(&CancelledError{Reason: reason})
	}
	return known, nil
}

func (d *direct) Upgrade(_ context.Context, typ string, from int64, private []byte) (out []byte, err error) {
	t, err := d.typ(typ)
	if err != nil {
		return nil, err
	}
	if from > t.Version {
		return nil, Hint(fmt.Errorf("read record of %s.%s: version %d, this plugin knows %d", d.spec.Name, typ, from, t.Version),
			"Use the newer plugin that wrote it.")
	}
	if t.Upgrade == nil || from == t.Version {
		return private, nil
	}
	defer recoverTo(&err)
	return t.Upgrade(from, private)
}

func (d *direct) CallFunction(_ context.Context, name string, args []cty.Value) (v cty.Value, err error) {
	for _, f := range d.spec.Functions {
		if f.Name != name {
			continue
		}
		if len(args) != len(f.Params) {
			return cty.NilVal, fmt.Errorf("call %s: got %d arguments, want %d", name, len(args), len(f.Params))
		}
		defer recoverTo(&err)
		return f.Call(args)
	}
	return cty.NilVal, fmt.Errorf("call %s: plugin %q has no such function", name, d.spec.Name)
}

func (d *direct) typ(name string) (Type, error) {
	t, ok := d.spec.Type(name)
	if !ok {
		return Type{}, fmt.Errorf("find type %q: plugin %q has none of that name", name, d.spec.Name)
	}
	return t, nil
}

func (d *direct) outputs(typ string) cty.Type {
	t, _ := d.types.get(typ, d.spec.attributes)
	return t.outputs
}

// CheckOutputs reports outputs that do not fit the schema. Complete outputs must
// be wholly known.
func CheckOutputs(attrs []Attribute, v cty.Value, complete bool) error {
	return checkOutputs(ObjectType(attrs), v, complete)
}

func checkOutputs(want cty.Type, v cty.Value, complete bool) error {
	switch {
	case v == cty.NilVal && len(want.AttributeTypes()) == 0:
		return nil
	case v == cty.NilVal:
		return errors.New("the plugin returned no outputs")
	case v.ContainsMarked():
		return errors.New("the plugin returned marked outputs")
	case len(v.Type().TestConformance(want)) > 0:
		return fmt.Errorf("the plugin returned outputs that differ from its schema: %w", errors.Join(v.Type().TestConformance(want)...))
	case v.IsKnown() && v.IsNull():
		return errors.New("the plugin returned null for its outputs")
	case complete && !v.IsWhollyKnown():
		return errors.New("the plugin left outputs unknown although all is done")
	}
	return nil
}

func (i Ident) key() string { return i.Run + "\x00" + i.Node + "\x00" + strconv.Itoa(i.Attempt) }

func safely(ctx context.Context, call func(context.Context) (Result, error)) (r Result, err error) {
	defer recoverTo(&err)
	return call(ctx)
}

// recoverTo turns a panic of a handler into an error with its stack.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = Permanent(Hint(fmt.Errorf("the plugin panicked: %v", p),
			"This is a defect of the plugin. Report it with this stack:\n"+string(debug.Stack())))
	}
}
