package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Type makes the phase type that p declares.
func (p Phase[C, O]) Type() sdk.Type {
	outputs := sdk.AttributesOf[O]()
	return sdk.Type{
		Name: p.Name, Doc: p.Doc, Example: p.Example, Version: p.Version,
		Config: sdk.AttributesOf[C](), Outputs: outputs,
		Repeatable: true, CancelGrace: p.CancelGrace, Pools: p.Pools, Access: p.Access,
		Handler: handler[C, O]{p, outputs},
	}
}

type handler[C, O any] struct {
	phase Phase[C, O]
	attrs []sdk.Attribute // of the outputs
}

func (h handler[C, O]) Validate(_ context.Context, config cty.Value) sdk.Diagnostics {
	if !config.IsWhollyKnown() {
		return nil
	}
	c, err := sdk.Decode[C](config)
	if err == nil && h.phase.Validate != nil {
		err = h.phase.Validate(c)
	}
	return sdk.Diagnose(err)
}

func (h handler[C, O]) Plan(ctx context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	ctx, warned := withWarnings(ctx)
	if req.Undo {
		job, err := h.openUndo(ctx, req.Config, req.Private)
		if err != nil {
			return sdk.Plan{}, err
		}
		return sdk.Plan{Changes: job.planUndo(ctx), Diagnostics: warned.diagnostics()}, nil
	}
	job, err := h.open(ctx, req.Config, req.Private, func(Record) bool { return req.Unchanged })
	if err != nil {
		return sdk.Plan{Diagnostics: warned.diagnostics()}, err
	}
	changes, record, err := job.plan(ctx)
	if err != nil {
		return sdk.Plan{Diagnostics: warned.diagnostics()}, err
	}
	record.Unchanged = req.Unchanged && len(changes) > 0
	outputs, err := h.outputs(ctx, job.work, len(changes) == 0)
	if err != nil {
		return sdk.Plan{}, err
	}
	private, err := json.Marshal(record)
	return sdk.Plan{Changes: changes, Outputs: outputs, Private: private, Diagnostics: warned.diagnostics()}, err
}

func (h handler[C, O]) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	ctx, warned := withWarnings(ctx)
	result := sdk.Result{Private: req.Private}
	job, err := h.open(ctx, req.Config, req.Private, func(planned Record) bool { return planned.Unchanged })
	if err != nil {
		result.Diagnostics = warned.diagnostics()
		return result, err
	}
	record, err := job.apply(ctx, h.phase.Parallel)
	result.Diagnostics = warned.diagnostics()
	private, jsonErr := json.Marshal(record)
	if jsonErr != nil {
		return result, fmt.Errorf("write private record: %w", errors.Join(jsonErr, err))
	}
	result.Private = private
	if err != nil {
		return result, err
	}
	result.Outputs, err = h.outputs(ctx, job.work, true)
	return result, err
}

func (h handler[C, O]) Undo(ctx context.Context, req sdk.UndoRequest) (sdk.Result, error) {
	ctx, warned := withWarnings(ctx)
	job, err := h.openUndo(ctx, req.Config, req.Private)
	if err != nil {
		return sdk.Result{Private: req.Private, Diagnostics: warned.diagnostics()}, err
	}
	left, err := job.undo(ctx)
	result := sdk.Result{Diagnostics: warned.diagnostics()}
	if len(left.Entries) > 0 {
		private, jsonErr := json.Marshal(left)
		if jsonErr != nil {
			result.Private = req.Private
			return result, fmt.Errorf("write private record: %w", errors.Join(jsonErr, err))
		}
		result.Private = private
	}
	return result, err
}

// openUndo leaves the config aside when there is a record, for the record is
// enough, and what Build reads may be gone.
func (h handler[C, O]) openUndo(ctx context.Context, config cty.Value, private []byte) (*job[O], error) {
	if len(private) > 0 || h.phase.OnlyRecorded {
		config = cty.NilVal
	}
	return h.open(ctx, config, private, func(Record) bool { return false })
}

// open builds the phase's work. Without a config there is only the record.
func (h handler[C, O]) open(
	ctx context.Context, config cty.Value, private []byte, unchanged func(Record) bool,
) (*job[O], error) {
	record, err := ParseRecord(private)
	if err != nil {
		return nil, err
	}
	j := &job[O]{before: record, recorded: len(private) > 0, kinds: append(builtinKinds(), h.phase.Kinds...)}
	if config == cty.NilVal {
		return j, nil
	}
	c, err := sdk.Decode[C](config)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	if h.phase.Validate != nil {
		if err := h.phase.Validate(c); err != nil {
			return nil, sdk.Permanent(err)
		}
	}
	dir, err := os.Getwd() // the engine starts plugins where the pipeline's paths begin
	if err != nil {
		return nil, fmt.Errorf("find working directory: %w", err)
	}
	j.work, err = h.phase.Build(ctx, Input[C]{Config: c, Record: record, Unchanged: unchanged(record), WorkDir: dir})
	if err != nil {
		return nil, err
	}
	return j, j.take()
}

// outputs encodes what the phase tells others. Before the changes are made, late
// outputs and those of a phase without Known are unknown values.
func (h handler[C, O]) outputs(ctx context.Context, w Work[O], done bool) (cty.Value, error) {
	var out O
	var err error
	switch {
	case done && w.Outputs != nil:
		out, err = w.Outputs(ctx)
	case w.Known != nil:
		out = w.Known()
	case !done:
		return cty.UnknownVal(sdk.ObjectType(h.attrs)), nil
	}
	if err != nil {
		return cty.NilVal, err
	}
	values := sdk.Encode(out).AsValueMap()
	for _, a := range h.attrs {
		if a.Late && !done {
			values[a.Name] = cty.UnknownVal(a.Type.WithoutOptionalAttributesDeep())
		}
	}
	if len(values) == 0 {
		return cty.EmptyObjectVal, nil
	}
	return cty.ObjectVal(values), nil
}
