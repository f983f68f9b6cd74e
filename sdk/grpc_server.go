package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// server puts a Spec on the wire. Problems that a person caused or can mend
// travel as diagnostics; a gRPC error means a broken call.
type server struct {
	pb.UnimplementedPluginServiceServer
	spec   Spec
	client Client // Direct(spec)
	types  madeTypes
}

func newServer(spec Spec) *server { return &server{spec: spec, client: Direct(spec)} }

func (s *server) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	d, err := s.client.Describe(ctx)
	if err != nil {
		return nil, err
	}
	return descriptionToWire(d)
}

func (s *server) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	err := s.client.Configure(ctx, Configuration{EngineVersion: r.GetEngineVersion()})
	return &pb.ConfigureResponse{Diagnostics: diagsToWire(Diagnose(err))}, nil
}

func (s *server) Validate(ctx context.Context, r *pb.ValidateRequest) (*pb.ValidateResponse, error) {
	t, err := s.typ(r.GetType())
	if err != nil {
		return nil, err
	}
	config, err := configFromWire(r.GetConfig(), t)
	if err != nil {
		return nil, err
	}
	diags, err := s.client.Validate(ctx, r.GetType(), config)
	return &pb.ValidateResponse{Diagnostics: diagsToWire(append(diags, Diagnose(err)...))}, nil
}

func (s *server) Plan(ctx context.Context, r *pb.PlanRequest) (*pb.PlanResponse, error) {
	t, err := s.typ(r.GetType())
	if err != nil {
		return nil, err
	}
	req := PlanRequest{
		ID: identFromWire(r.GetId()), Type: r.GetType(), Private: r.GetPrivate(),
		Unchanged: r.GetUnchanged(), Undo: r.GetUndo(),
	}
	if req.Config, err = configFromWire(r.GetConfig(), t); err != nil {
		return nil, err
	}
	if req.Outputs, err = valueFromWire(r.GetOutputs(), t.outputs); err != nil {
		return nil, invalid(err)
	}
	plan, err := s.client.Plan(ctx, req)
	if err != nil {
		return &pb.PlanResponse{Diagnostics: diagsToWire(Diagnose(err))}, nil
	}
	out := &pb.PlanResponse{Private: plan.Private, Diagnostics: diagsToWire(plan.Diagnostics)}
	for _, c := range plan.Changes {
		out.Changes = append(out.Changes, changeToWire(c))
	}
	out.Outputs, err = valueToWire(plan.Outputs, t.outputs)
	return out, err
}

func (s *server) Apply(r *pb.ApplyRequest, stream pb.PluginService_ApplyServer) error {
	t, err := s.typ(r.GetType())
	if err != nil {
		return err
	}
	config, err := configFromWire(r.GetConfig(), t)
	if err != nil {
		return err
	}
	send := func(e *pb.Event) error { return stream.Send(&pb.ApplyResponse{Event: e}) }
	return run(stream.Context(), t, send, func(ctx context.Context, emit func(Event)) (Result, error) {
		return s.client.Apply(ctx, ApplyRequest{
			ID: identFromWire(r.GetId()), Type: r.GetType(), Config: config,
			Private: r.GetPrivate(), Fingerprint: r.GetFingerprint(),
		}, emit)
	})
}

func (s *server) Undo(r *pb.UndoRequest, stream pb.PluginService_UndoServer) error {
	t, err := s.typ(r.GetType())
	if err != nil {
		return err
	}
	config, err := configFromWire(r.GetConfig(), t)
	if err != nil {
		return err
	}
	send := func(e *pb.Event) error { return stream.Send(&pb.UndoResponse{Event: e}) }
	return run(stream.Context(), t, send, func(ctx context.Context, emit func(Event)) (Result, error) {
		return s.client.Undo(ctx, UndoRequest{
			ID: identFromWire(r.GetId()), Type: r.GetType(), Config: config, Private: r.GetPrivate(),
		}, emit)
	})
}

// run makes a call and sends its events, then its result. When the engine is
// gone the call is cancelled.
func run(
	ctx context.Context, t valueTypes, send func(*pb.Event) error,
	call func(context.Context, func(Event)) (Result, error),
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	result, err := call(ctx, func(e Event) {
		wire := eventToWire(e)
		err := checkSize(wire)
		if err == nil {
			err = send(wire)
		}
		if err != nil {
			cancel(fmt.Errorf("send %T: %w", e, err))
		}
	})
	if err != nil {
		return invalid(err)
	}
	out := &pb.Result{
		Status: pb.Result_Status(result.Status), Private: result.Private, Diagnostics: diagsToWire(result.Diagnostics),
	}
	if result.Status == StatusOK {
		if out.Outputs, err = valueToWire(result.Outputs, t.outputs); err != nil {
			return err
		}
	}
	wire := &pb.Event{Event: &pb.Event_Result{Result: out}}
	if err := checkSize(wire); err != nil { // it was done, so say that rather than nothing
		diags := Diagnose(Permanent(fmt.Errorf("send result: %w", err)))
		wire.Event = &pb.Event_Result{Result: &pb.Result{Status: pb.Result_STATUS_FAILED, Diagnostics: diagsToWire(diags)}}
	}
	return send(wire)
}

// checkSize refuses what the other end would not take. It comes before the
// attempt, which would end the whole stream.
func checkSize(e *pb.Event) error {
	const envelope = 64 // bytes, around an event
	if size := proto.Size(e); size > MaxMessageSize-envelope {
		return fmt.Errorf("message of %d bytes: at most %d are allowed", size, MaxMessageSize-envelope)
	}
	return nil
}

func (s *server) Cancel(ctx context.Context, r *pb.CancelRequest) (*pb.CancelResponse, error) {
	known, err := s.client.Cancel(ctx, identFromWire(r.GetId()), r.GetReason())
	return &pb.CancelResponse{Known: known}, err
}

func (s *server) Upgrade(ctx context.Context, r *pb.UpgradeRequest) (*pb.UpgradeResponse, error) {
	private, err := s.client.Upgrade(ctx, r.GetType(), r.GetFrom(), r.GetPrivate())
	return &pb.UpgradeResponse{Private: private, Diagnostics: diagsToWire(Diagnose(err))}, nil
}

func (s *server) CallFunction(ctx context.Context, r *pb.CallFunctionRequest) (*pb.CallFunctionResponse, error) {
	for _, f := range s.spec.Functions {
		if f.Name != r.GetName() || len(f.Params) != len(r.GetArgs()) {
			continue
		}
		args := make([]cty.Value, len(f.Params))
		for i, p := range f.Params {
			var err error
			if args[i], err = valueFromWire(r.GetArgs()[i], p); err != nil {
				return nil, invalid(err)
			}
		}
		v, err := s.client.CallFunction(ctx, f.Name, args)
		if err != nil {
			return &pb.CallFunctionResponse{Diagnostics: diagsToWire(Diagnose(err))}, nil
		}
		result, err := valueToWire(v, f.Result)
		return &pb.CallFunctionResponse{Result: result}, err
	}
	return nil, invalid(errors.New("call function " + r.GetName() + ": no such function with so many parameters"))
}

func (s *server) typ(name string) (valueTypes, error) {
	t, ok := s.types.get(name, s.spec.attributes)
	if !ok {
		return valueTypes{}, status.Errorf(codes.NotFound, "find type %q: plugin %q has none of that name", name, s.spec.Name)
	}
	return t, nil
}

func configFromWire(w *pb.DynamicValue, t valueTypes) (cty.Value, error) {
	v, err := valueFromWire(w, t.config)
	if err != nil {
		return cty.NilVal, invalid(err)
	}
	return v, nil
}

func invalid(err error) error { return status.Error(codes.InvalidArgument, err.Error()) }
