// Package staticpodtest plays the container runtime of a host for tests.
package staticpodtest

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"
	runtimev1 "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Runtime is a container runtime in memory. It is safe for concurrent use.
type Runtime struct {
	runtimev1.UnimplementedRuntimeServiceServer

	// Socket is the path on which it listens.
	Socket string

	mu sync.Mutex

	pods       []*runtimev1.PodSandbox
	containers map[string][]*runtimev1.Container
}

// NewRuntime starts a runtime without pods that ends with the test.
func NewRuntime(t *testing.T) *Runtime {
	t.Helper()
	r := &Runtime{Socket: filepath.Join(t.TempDir(), "cri.sock"), containers: map[string][]*runtimev1.Container{}}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", r.Socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	runtimev1.RegisterRuntimeServiceServer(server, r)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-ended })
	return r
}

// Set replaces a static pod by one of a manifest with that digest, whose container
// is in that state. Without a state it has no container.
func (r *Runtime) Set(name, digest string, state ...runtimev1.ContainerState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pods = nil
	r.add(name, digest, state...)
}

// Add is Set that leaves other pods running.
func (r *Runtime) Add(name, digest string, state ...runtimev1.ContainerState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(name, digest, state...)
}

func (r *Runtime) add(name, digest string, states ...runtimev1.ContainerState) {
	id := name + "-" + digest
	r.pods = append(r.pods, &runtimev1.PodSandbox{
		Id: id, State: runtimev1.PodSandboxState_SANDBOX_READY, CreatedAt: int64(len(r.pods)),
		Labels:      map[string]string{"component": name, "io.kubernetes.pod.namespace": "kube-system"},
		Annotations: map[string]string{"kubernetes.io/config.source": "file", "clusterflow.github.io/digest": digest},
	})
	r.containers[id] = nil
	for i, state := range states {
		r.containers[id] = append(r.containers[id], &runtimev1.Container{Id: "0123456789abcdef", PodSandboxId: id, State: state, CreatedAt: int64(i)})
	}
}

// Foreign adds a pod of the same component that is no static pod.
func (r *Runtime) Foreign(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(name, "")
	r.pods[len(r.pods)-1].Annotations = map[string]string{"kubernetes.io/config.source": "api"}
}

// ListPodSandbox lists the pods that have the labels of the filter.
func (r *Runtime) ListPodSandbox(_ context.Context, req *runtimev1.ListPodSandboxRequest) (*runtimev1.ListPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &runtimev1.ListPodSandboxResponse{}
	for _, pod := range r.pods {
		match := true
		for name, value := range req.Filter.LabelSelector {
			match = match && pod.Labels[name] == value
		}
		if match {
			out.Items = append(out.Items, pod)
		}
	}
	return out, nil
}

// ListContainers lists the containers of a pod.
func (r *Runtime) ListContainers(_ context.Context, req *runtimev1.ListContainersRequest) (*runtimev1.ListContainersResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &runtimev1.ListContainersResponse{Containers: r.containers[req.Filter.PodSandboxId]}, nil
}

// ContainerStatus tells that the container ended with exit code 2.
func (r *Runtime) ContainerStatus(context.Context, *runtimev1.ContainerStatusRequest) (*runtimev1.ContainerStatusResponse, error) {
	return &runtimev1.ContainerStatusResponse{Status: &runtimev1.ContainerStatus{ExitCode: 2}}, nil
}
