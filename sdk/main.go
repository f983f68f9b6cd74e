package sdk

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// streamWorkers is how many goroutines wait for calls, so that their stacks, which
// grow with the first one, serve the next ones too. More calls than that get a
// goroutine each.
const streamWorkers = 8

// Main serves a plugin until the engine is done with it. It is the whole life of
// a plugin process and does not return. Call it first in main.
//
// The process ends when the engine closes its standard input, which happens also
// when the engine dies; its children end with it, except for those in a session of
// their own. What the plugin prints on stdout and stderr is shown as log lines;
// handlers should log with zerolog.Ctx(ctx) instead, which keeps level, fields and
// phase.
func Main(spec Spec) {
	if err := ValidateSpec(spec); err != nil {
		fmt.Fprintf(os.Stderr, "serve plugin: %v\n", err)
		os.Exit(1)
	}
	if os.Getenv(Handshake().MagicCookieKey) != Handshake().MagicCookieValue {
		fmt.Fprintf(os.Stderr, "%s %s is a clusterflow plugin: %s\n"+
			"clusterflow starts it by itself when a pipeline needs it. Put it beside the clusterflow binary,\n"+
			"into a directory of CLUSTERFLOW_PLUGIN_PATH, or name it in a plugin block.\n", spec.Name, spec.Version, spec.Doc)
		os.Exit(2)
	}
	NoCoreFiles()
	followEngine()
	go exitWithEngine()
	restore := keepOutput()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &grpcPlugin{spec: &spec}}},
		Logger:           hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(append(opts, serverOptions()...), grpc.NumStreamWorkers(streamWorkers), grpc.ChainUnaryInterceptor(
				func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
					restore()
					return next(ctx, req)
				}))...)
		},
	})
	os.Exit(0)
}

// exitWithEngine ends the process at the end of standard input, a pipe whose
// other end the engine holds for as long as it lives.
func exitWithEngine() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	killGroup()
	os.Exit(0)
}

// keepOutput returns a function that gives os.Stdout and os.Stderr back to the
// process. When it starts to serve, go-plugin replaces them by pipes into itself,
// where the last words of a process that crashes are lost; the real ones lead to
// the engine without a detour. The first call of the engine, which comes when
// go-plugin has replaced them, restores them.
func keepOutput() func() {
	stdout, stderr := os.Stdout, os.Stderr
	return sync.OnceFunc(func() { os.Stdout, os.Stderr = stdout, stderr })
}
