package cri

import (
	"context"
	"errors"
	"time"

	runtimeapi "github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
)

// HostNetwork asks whether a sandbox uses the network of the host, so that no
// network plugin has anything to take back. One that is gone does.
func (c *Client) HostNetwork(ctx context.Context, id string) (bool, error) {
	answer, err := call(ctx, c, callTimeout, "read status of sandbox "+id, c.runtime.PodSandboxStatus,
		&runtimeapi.PodSandboxStatusRequest{PodSandboxId: id})
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	mode := answer.GetStatus().GetLinux().GetNamespaces().GetOptions().GetNetwork()
	return mode == runtimeapi.NamespaceMode_NODE, nil
}

// StopContainer ends a container: SIGTERM, and SIGKILL after grace, which counts in
// whole seconds. An absent one is no error.
func (c *Client) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	_, err := call(ctx, c, grace+removeTimeout, "stop container "+id, c.runtime.StopContainer,
		&runtimeapi.StopContainerRequest{ContainerId: id, Timeout: int64(grace / time.Second)})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
