// Package rogue is a plugin that breaks the protocol itself, below the SDK: it sends
// results twice or not at all, values of other types, messages that are too long,
// and events without end. Tests of the engine run it to see that it harms nobody.
//
//	phase "rogue.act" "bad" { how = "two_results" }
package rogue

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc"

	"github.com/clusterflow/clusterflow/sdk"
	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// Main serves the plugin until the engine is done with it.
func Main() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{sdk.ProtocolVersion: {sdk.PluginName: &served{}}},
		Logger:           hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(1<<30), grpc.MaxSendMsgSize(1<<30))...)
		},
	})
}

// Spec is what the plugin says of itself, at first.
func Spec() sdk.Spec {
	return sdk.Spec{
		Name: "rogue", Version: "1.0.0", Doc: "Breaks the protocol. For tests.",
		Types: []sdk.Type{{
			Name: "act", Doc: "Breaks the protocol, or acts well.", Example: "phase \"rogue.act\" \"bad\" {\n  how = \"two_results\"\n}",
			Config: sdk.AttributesOf[config](), Outputs: sdk.AttributesOf[outputs](),
			Repeatable: true, CancelGrace: 300 * time.Millisecond, Handler: handler{},
		}},
	}
}

type config struct {
	How  string `cf:"how,required" doc:"What to do wrong; well means nothing."`
	Size int    `cf:"size" default:"1000" doc:"How much: bytes, or events."`
}

type outputs struct {
	Text string `cf:"text" doc:"Anything."`
}

// handler is the good half.
type handler struct{}

var _ sdk.Handler = handler{}

func (handler) Validate(context.Context, cty.Value) sdk.Diagnostics { return nil }

func (handler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	if req.Undo || req.Unchanged {
		return sdk.Plan{Outputs: sdk.Encode(outputs{Text: "well"})}, nil
	}
	return sdk.Plan{Changes: []sdk.Change{{Op: sdk.OpRun, Kind: "act", Target: req.ID.Node}}, Outputs: sdk.Encode(outputs{Text: "well"})}, nil
}

func (handler) Apply(context.Context, sdk.ApplyRequest) (sdk.Result, error) {
	return sdk.Result{Outputs: sdk.Encode(outputs{Text: "well"})}, nil
}

func (handler) Undo(context.Context, sdk.UndoRequest) (sdk.Result, error) { return sdk.Result{}, nil }

// served puts the bad half on the wire.
type served struct{ plugin.NetRPCUnsupportedPlugin }

func (*served) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	sdk.Register(&intercept{to: s}, Spec())
	return nil
}

func (*served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("rogue: no client")
}

// intercept puts the rogue between the SDK's server and the wire.
type intercept struct{ to grpc.ServiceRegistrar }

func (i *intercept) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if good, ok := impl.(pb.PluginServiceServer); ok {
		impl = &server{PluginServiceServer: good}
	}
	i.to.RegisterService(desc, impl)
}

type server struct {
	pb.PluginServiceServer
	deaf atomic.Bool // Cancel gets no answer
}

// how reads the settings of a call.
func how(value *pb.DynamicValue) (string, int) {
	raw := string(value.GetMsgpack())
	_, rest, _ := strings.Cut(raw, "how")
	if rest == "" {
		return "", 0
	}
	n := int(rest[0] & 0x1f) // a short string begins with its length
	word, digits, _ := strings.Cut(rest[1:1+n], " ")
	size := 1000
	_, _ = fmt.Sscan(digits, &size)
	return word, size
}

// moody is a file in the working directory that makes the plugin describe itself
// otherwise.
const moody = "rogue-is-moody"

// Describe changes its mind with its mood.
func (s *server) Describe(ctx context.Context, r *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	d, err := s.PluginServiceServer.Describe(ctx, r)
	if _, missing := os.Stat(moody); missing == nil && err == nil {
		d.Types[0].Outputs = nil
	}
	return d, err
}

func (s *server) Plan(ctx context.Context, r *pb.PlanRequest) (*pb.PlanResponse, error) {
	out, err := s.PluginServiceServer.Plan(ctx, r)
	if err != nil {
		return out, err
	}
	switch word, size := how(r.GetConfig()); word {
	case "plan_garbage":
		out.Outputs = &pb.DynamicValue{Msgpack: []byte{0xc1, 0xff}}
	case "plan_long":
		out.Private = make([]byte, size)
	case "plan_changes":
		for range size {
			out.Changes = append(out.Changes, out.GetChanges()[0])
		}
	case "plan_nothing":
		return &pb.PlanResponse{}, nil
	}
	return out, nil
}

// Cancel blocks when a call is to be deadlocked.
func (s *server) Cancel(ctx context.Context, r *pb.CancelRequest) (*pb.CancelResponse, error) {
	if s.deaf.Load() {
		select {}
	}
	return s.PluginServiceServer.Cancel(ctx, r)
}
