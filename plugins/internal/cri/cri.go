// Package cri asks the container runtime of a host over its socket, in CRI v1:
// what it is, which images, sandboxes and containers it has, and what containers
// said. It can pull and remove images and remove sandboxes.
//
// Its messages are those of the interface that it uses, generated from cri.proto:
// k8s.io/cri-api with all of them would take 0.3 MB at every launch of a plugin, and
// Kubernetes' own wrapper (k8s.io/cri-client) 1.5 MB more. See docs/adr/0013.
package cri

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	runtimeapi "github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// callTimeout bounds every call but pulls and removals. kubeadm's 2 s are too
	// short for a busy disk.
	callTimeout = 10 * time.Second
	// removeTimeout bounds stopping and removing one sandbox; the kubelet allows 2 min.
	removeTimeout = 2 * time.Minute
	// largestMessage is what the kubelet takes as well: 16 MiB.
	largestMessage = 16 << 20

	redialFirst = 100 * time.Millisecond
	redialMost  = 3 * time.Second
	dialTimeout = 5 * time.Second
)

// Client asks one runtime. It is safe for concurrent use.
type Client struct {
	// Socket is the address, such as "unix:///run/containerd/containerd.sock".
	Socket string

	conn    *grpc.ClientConn
	runtime runtimeapi.RuntimeServiceClient
	images  runtimeapi.ImageServiceClient
}

// Dial makes a client for a socket: a path, or an address as [Address] wants it.
// It does no I/O; the first call connects. The caller closes the client.
func Dial(socket string) (*Client, error) {
	address, err := Address(socket)
	if err != nil {
		return nil, err
	}
	again := backoff.DefaultConfig
	again.BaseDelay, again.MaxDelay = redialFirst, redialMost
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the socket's mode guards it
		grpc.WithAuthority("localhost"),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: dialTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestMessage)),
		grpc.WithNoProxy(), Published(),
	)
	if err != nil {
		return nil, fmt.Errorf("open container runtime at %s: %w", address, err)
	}
	return &Client{
		Socket: address, conn: conn,
		runtime: runtimeapi.NewRuntimeServiceClient(conn), images: runtimeapi.NewImageServiceClient(conn),
	}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Address is the canonical form of a socket's address: "unix://" and an absolute
// path. A path alone is understood.
func Address(socket string) (string, error) {
	wrong := func(why string) error {
		return sdk.Permanent(sdk.Hint(fmt.Errorf("read socket of container runtime %q: %s", socket, why),
			"Write it as "+Default+"."))
	}
	path := socket
	if strings.Contains(socket, "://") {
		u, err := url.Parse(socket)
		switch {
		case err != nil:
			return "", wrong("it is no address")
		case u.Scheme != "unix":
			return "", wrong(fmt.Sprintf("%s:// is not supported", u.Scheme))
		case u.Host != "":
			return "", wrong("after unix:// comes an absolute path, with a third slash")
		}
		path = u.Path
	}
	if !filepath.IsAbs(path) {
		return "", wrong("it is no absolute path")
	}
	return "unix://" + filepath.Clean(path), nil
}

// call bounds one call and explains its error. what is a clause: "read its version".
func call[Q, R any](
	ctx context.Context, c *Client, limit time.Duration, what string,
	method func(context.Context, Q, ...grpc.CallOption) (R, error), request Q,
) (R, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	answer, err := method(ctx, request)
	if err != nil {
		return answer, c.explain(ctx, what, err)
	}
	return answer, nil
}
