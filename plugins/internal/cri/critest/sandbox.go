package critest

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// OnHost is the annotation of a fake sandbox that uses the network of the host.
const OnHost = "critest/on-host"

// PodSandboxStatus implements CRI: which network a sandbox uses.
func (r *Runtime) PodSandboxStatus(_ context.Context, q *runtimeapi.PodSandboxStatusRequest) (*runtimeapi.PodSandboxStatusResponse, error) {
	return read(r, func(s *State) (*runtimeapi.PodSandboxStatusResponse, error) {
		for _, p := range s.Sandboxes {
			if p.GetId() != q.GetPodSandboxId() {
				continue
			}
			mode := runtimeapi.NamespaceMode_POD
			if _, ok := p.GetAnnotations()[OnHost]; ok {
				mode = runtimeapi.NamespaceMode_NODE
			}
			return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
				Id: p.GetId(), Linux: &runtimeapi.LinuxPodSandboxStatus{
					Namespaces: &runtimeapi.Namespace{Options: &runtimeapi.NamespaceOption{Network: mode}},
				},
			}}, nil
		}
		return nil, status.Error(codes.NotFound, "no such sandbox")
	})
}

// StopContainer implements CRI.
func (r *Runtime) StopContainer(_ context.Context, q *runtimeapi.StopContainerRequest) (*runtimeapi.StopContainerResponse, error) {
	return write(r, "StopContainer "+q.GetContainerId(), func(s *State) (*runtimeapi.StopContainerResponse, error) {
		for _, c := range s.Containers {
			if c.Status.GetId() == q.GetContainerId() {
				c.Status.State = runtimeapi.ContainerState_CONTAINER_EXITED
			}
		}
		return &runtimeapi.StopContainerResponse{}, nil
	})
}
