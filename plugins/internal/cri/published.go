package cri

import (
	"context"
	"strings"

	"google.golang.org/grpc"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
)

// Conditions of a runtime's status. Source: k8s.io/cri-api, runtime/v1/constants.go.
const (
	runtimeReady = "RuntimeReady"
	networkReady = "NetworkReady"
)

// Published makes clients of package criapi call the services by the names under
// which runtimes serve them.
func Published() grpc.DialOption {
	return grpc.WithUnaryInterceptor(func(
		ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		return invoke(ctx, published(method), request, answer, conn, opts...)
	})
}

// published is the name of a method in CRI v1: "/runtime.v1.RuntimeService/Version".
func published(method string) string {
	return "/runtime.v1." + strings.TrimPrefix(method, "/"+string(criapi.File_clusterflow_cri_v1_cri_proto.Package())+".")
}
