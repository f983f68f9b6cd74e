package critest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// read gives f the state.
func read[R any](r *Runtime, f func(*State) (R, error)) (R, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f(&r.state)
}

// write does the same for a call that changes something.
func write[R any](r *Runtime, call string, f func(*State) (R, error)) (R, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
	return f(&r.state)
}

// Version implements CRI.
func (r *Runtime) Version(context.Context, *runtimeapi.VersionRequest) (*runtimeapi.VersionResponse, error) {
	return read(r, func(s *State) (*runtimeapi.VersionResponse, error) {
		return &runtimeapi.VersionResponse{Version: "0.1.0", RuntimeName: s.Name, RuntimeVersion: s.Version, RuntimeApiVersion: "v1"}, nil
	})
}

// Status implements CRI.
func (r *Runtime) Status(_ context.Context, q *runtimeapi.StatusRequest) (*runtimeapi.StatusResponse, error) {
	condition := func(kind, why string) *runtimeapi.RuntimeCondition {
		c := &runtimeapi.RuntimeCondition{Type: kind, Status: why == ""}
		if why != "" {
			c.Reason, c.Message = kind+"Not", why
		}
		return c
	}
	return read(r, func(s *State) (*runtimeapi.StatusResponse, error) {
		answer := &runtimeapi.StatusResponse{Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
			condition(runtimeapi.RuntimeReady, s.NotReady), condition(runtimeapi.NetworkReady, s.NetworkDown),
		}}}
		if !q.GetVerbose() {
			return answer, nil
		}
		if s.Config != "" {
			answer.Info = map[string]string{"config": s.Config}
			return answer, nil
		}
		config := map[string]string{}
		if s.SandboxImage != "" {
			config["sandboxImage"] = s.SandboxImage
		}
		text, err := json.Marshal(config)
		answer.Info = map[string]string{"config": string(text)}
		return answer, err
	})
}

// RuntimeConfig implements CRI.
func (r *Runtime) RuntimeConfig(context.Context, *runtimeapi.RuntimeConfigRequest) (*runtimeapi.RuntimeConfigResponse, error) {
	return read(r, func(s *State) (*runtimeapi.RuntimeConfigResponse, error) {
		driver, ok := runtimeapi.CgroupDriver_value[strings.ToUpper(s.CgroupDriver)]
		if !ok {
			return nil, status.Error(codes.Unimplemented, "method RuntimeConfig not implemented")
		}
		return &runtimeapi.RuntimeConfigResponse{Linux: &runtimeapi.LinuxRuntimeConfiguration{CgroupDriver: runtimeapi.CgroupDriver(driver)}}, nil
	})
}

// ImageStatus implements CRI.
func (r *Runtime) ImageStatus(_ context.Context, q *runtimeapi.ImageStatusRequest) (*runtimeapi.ImageStatusResponse, error) {
	return read(r, func(s *State) (*runtimeapi.ImageStatusResponse, error) {
		if i := s.find(q.GetImage().GetImage()); i >= 0 {
			return &runtimeapi.ImageStatusResponse{Image: s.Images[i]}, nil
		}
		return &runtimeapi.ImageStatusResponse{}, nil
	})
}

// ListImages implements CRI.
func (r *Runtime) ListImages(context.Context, *runtimeapi.ListImagesRequest) (*runtimeapi.ListImagesResponse, error) {
	return read(r, func(s *State) (*runtimeapi.ListImagesResponse, error) {
		return &runtimeapi.ListImagesResponse{Images: slices.Clone(s.Images)}, nil
	})
}

// PullImage implements CRI.
func (r *Runtime) PullImage(_ context.Context, q *runtimeapi.PullImageRequest) (*runtimeapi.PullImageResponse, error) {
	ref := q.GetImage().GetImage()
	return write(r, "PullImage "+ref, func(s *State) (*runtimeapi.PullImageResponse, error) {
		if s.Pull != nil {
			if err := s.Pull(ref); err != nil {
				return nil, err
			}
		}
		if s.find(ref) < 0 {
			s.addImage(ref, PulledSize)
		}
		return &runtimeapi.PullImageResponse{ImageRef: s.Images[s.find(ref)].Id}, nil
	})
}

// RemoveImage implements CRI.
func (r *Runtime) RemoveImage(_ context.Context, q *runtimeapi.RemoveImageRequest) (*runtimeapi.RemoveImageResponse, error) {
	ref := q.GetImage().GetImage()
	return write(r, "RemoveImage "+ref, func(s *State) (*runtimeapi.RemoveImageResponse, error) {
		if i := s.find(ref); i >= 0 {
			s.Images = slices.Delete(s.Images, i, i+1)
		}
		return &runtimeapi.RemoveImageResponse{}, nil
	})
}

// ListPodSandbox implements CRI.
func (r *Runtime) ListPodSandbox(_ context.Context, q *runtimeapi.ListPodSandboxRequest) (*runtimeapi.ListPodSandboxResponse, error) {
	return read(r, func(s *State) (*runtimeapi.ListPodSandboxResponse, error) {
		return &runtimeapi.ListPodSandboxResponse{Items: slices.DeleteFunc(slices.Clone(s.Sandboxes), func(p *runtimeapi.PodSandbox) bool {
			return !matches(p.GetLabels(), q.GetFilter().GetLabelSelector())
		})}, nil
	})
}

// StopPodSandbox implements CRI.
func (r *Runtime) StopPodSandbox(_ context.Context, q *runtimeapi.StopPodSandboxRequest) (*runtimeapi.StopPodSandboxResponse, error) {
	id := q.GetPodSandboxId()
	return write(r, "StopPodSandbox "+id, func(s *State) (*runtimeapi.StopPodSandboxResponse, error) {
		if s.Stop != nil {
			if err := s.Stop(id); err != nil {
				return nil, err
			}
		}
		for i, p := range s.Sandboxes {
			if p.GetId() == id { // a listing may still be on its way out, so p stays as it is
				s.Sandboxes[i] = proto.CloneOf(p)
				s.Sandboxes[i].State = runtimeapi.PodSandboxState_SANDBOX_NOTREADY
			}
		}
		return &runtimeapi.StopPodSandboxResponse{}, nil
	})
}

// RemovePodSandbox implements CRI.
func (r *Runtime) RemovePodSandbox(_ context.Context, q *runtimeapi.RemovePodSandboxRequest) (*runtimeapi.RemovePodSandboxResponse, error) {
	id := q.GetPodSandboxId()
	return write(r, "RemovePodSandbox "+id, func(s *State) (*runtimeapi.RemovePodSandboxResponse, error) {
		s.Sandboxes = slices.DeleteFunc(s.Sandboxes, func(p *runtimeapi.PodSandbox) bool { return p.GetId() == id })
		s.Containers = slices.DeleteFunc(s.Containers, func(c Container) bool { return c.SandboxID == id })
		return &runtimeapi.RemovePodSandboxResponse{}, nil
	})
}

// ListContainers implements CRI.
func (r *Runtime) ListContainers(_ context.Context, q *runtimeapi.ListContainersRequest) (*runtimeapi.ListContainersResponse, error) {
	return read(r, func(s *State) (*runtimeapi.ListContainersResponse, error) {
		answer := &runtimeapi.ListContainersResponse{}
		for _, c := range s.Containers {
			of := q.GetFilter().GetPodSandboxId()
			if !matches(c.Status.GetLabels(), q.GetFilter().GetLabelSelector()) || of != "" && of != c.SandboxID {
				continue
			}
			answer.Containers = append(answer.Containers, &runtimeapi.Container{
				Id: c.Status.GetId(), PodSandboxId: c.SandboxID, Metadata: c.Status.GetMetadata(), Image: c.Status.GetImage(),
				State: c.Status.GetState(), CreatedAt: c.Status.GetCreatedAt(), Labels: c.Status.GetLabels(),
			})
		}
		return answer, nil
	})
}

// ContainerStatus implements CRI.
func (r *Runtime) ContainerStatus(_ context.Context, q *runtimeapi.ContainerStatusRequest) (*runtimeapi.ContainerStatusResponse, error) {
	return read(r, func(s *State) (*runtimeapi.ContainerStatusResponse, error) {
		for _, c := range s.Containers {
			if c.Status.GetId() == q.GetContainerId() {
				return &runtimeapi.ContainerStatusResponse{Status: c.Status}, nil
			}
		}
		return nil, status.Errorf(codes.NotFound, "container %q not found", q.GetContainerId())
	})
}
