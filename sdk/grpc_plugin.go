package sdk

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

const (
	// ProtocolVersion is the major version of the plugin protocol.
	ProtocolVersion = 1
	// MaxMessageSize bounds one message in either direction, in bytes: 64 MiB,
	// enough for any manifest or file content, small enough to keep an engine alive
	// that runs a broken plugin. gRPC's own default for servers is 4 MiB.
	MaxMessageSize = 64 << 20
	// PluginName is the only name that go-plugin dispenses.
	PluginName = "plugin"
)

// Handshake is what a plugin binary must find in its environment. It guards
// against running a plugin by hand, it is no secret.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "CLUSTERFLOW_PLUGIN",
		MagicCookieValue: "2f1d3a57-1c0e-4a6b-9d0b-7e5f0a8c4b21",
	}
}

// Plugins is the go-plugin set for the engine's side of the connection; dispensing
// [PluginName] gives a [Client].
func Plugins() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &grpcPlugin{}}}
}

type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	spec *Spec // nil on the engine's side
}

var _ plugin.GRPCPlugin = (*grpcPlugin)(nil)

func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if p.spec == nil {
		return errors.New("serve plugin: no spec")
	}
	Register(s, *p.spec)
	return nil
}

func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// Register serves a plugin on a gRPC server of the caller's, and [NewClient] is the
// other end. Plugins use [Main] and the engine go-plugin instead; this pair is for
// those who bring a connection of their own, such as tests.
func Register(s grpc.ServiceRegistrar, spec Spec) {
	pb.RegisterPluginServiceServer(s, newServer(spec))
}

// NewClient returns a client of a plugin at the other end of a connection. Both
// ends should allow messages of [MaxMessageSize].
func NewClient(conn grpc.ClientConnInterface) Client {
	return &client{rpc: pb.NewPluginServiceClient(conn)}
}

// NewDescribedClient is [NewClient] of a plugin that has described itself before,
// so that it is not asked again.
func NewDescribedClient(conn grpc.ClientConnInterface, d Description) Client {
	return &client{rpc: pb.NewPluginServiceClient(conn), desc: &d}
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(MaxMessageSize), grpc.MaxSendMsgSize(MaxMessageSize)}
}
