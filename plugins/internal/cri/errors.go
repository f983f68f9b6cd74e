package cri

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/clusterflow/clusterflow/sdk"
)

var (
	// ErrUnreachable reports that nothing answered on the socket.
	ErrUnreachable = errors.New("container runtime does not answer")
	// ErrUnsupported reports that the runtime does not know the call.
	ErrUnsupported = errors.New("container runtime does not support it")
	// ErrNotFound reports that the runtime has no such image, container or sandbox.
	ErrNotFound = errors.New("not found")
)

// explain turns a gRPC error into one that says what was asked, what the runtime
// said, and what to do.
func (c *Client) explain(ctx context.Context, what string, err error) error {
	s, _ := status.FromError(err)
	said := strings.TrimSpace(s.Message())
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	case disconnected(s):
		return sdk.Hint(fmt.Errorf("%s: %w on %s: %s", what, ErrUnreachable, c.Socket, dialCause(said)), c.startIt(said))
	case s.Code() == codes.Unimplemented && strings.Contains(said, "unknown service"):
		return sdk.Hint(fmt.Errorf("%s: %w: it has no CRI v1 on %s", what, ErrUnsupported, c.Socket),
			`containerd: take "cri" out of disabled_plugins in /etc/containerd/config.toml (packages of Docker put it there), `+
				"then: systemctl restart containerd. Docker needs cri-dockerd. An old runtime needs an update.")
	case s.Code() == codes.Unimplemented:
		return fmt.Errorf("%s: %w: %s", what, ErrUnsupported, said)
	case s.Code() == codes.NotFound:
		return fmt.Errorf("%s: %w: %s", what, ErrNotFound, said)
	}
	return fmt.Errorf("%s: %w", what, errors.New(said))
}

// disconnected reports whether s is of the connection to the runtime. A runtime
// also says Unavailable of a registry.
func disconnected(s *status.Status) bool {
	return s.Code() == codes.Unavailable && (strings.HasPrefix(s.Message(), "connection error") ||
		strings.HasPrefix(s.Message(), "error reading from server") || strings.Contains(s.Message(), "transport"))
}

// dialCause takes gRPC's words off a failed connection.
func dialCause(said string) string {
	said = strings.TrimPrefix(said, "connection error: desc = ")
	return strings.Trim(strings.TrimPrefix(said, `"transport: Error while dialing: `), `"`)
}

func (c *Client) startIt(said string) string {
	unit := Unit(c.Socket)
	switch {
	case strings.Contains(said, "permission denied"):
		return "The socket is root's. Run the same command with sudo."
	case unit == "":
		return "Start the container runtime, or set cri_socket to the address of the one that runs."
	}
	return fmt.Sprintf("Start it: systemctl enable --now %s. See why it is not running: journalctl -u %s -n 50. "+
		"If another runtime runs here, set cri_socket to its address.", unit, unit)
}

// Unit is the systemd unit behind a socket of a runtime that is known, else "".
func Unit(socket string) string {
	switch filepath.Base(socket) {
	case "containerd.sock":
		return "containerd"
	case "crio.sock":
		return "crio"
	case "cri-dockerd.sock":
		return "cri-docker"
	}
	return ""
}
