package staticpod

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	runtimev1 "github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
	"github.com/clusterflow/clusterflow/sdk"
)

// Labels and annotations that a pod sandbox has from its pod and from the kubelet.
const (
	labelComponent   = "component"
	labelNamespace   = "io.kubernetes.pod.namespace"
	annotationSource = "kubernetes.io/config.source"
	sourceFile       = "file"
)

// askTimeout bounds one question to the container runtime, as in kubeadm.
const askTimeout = 2 * time.Second

// ErrOlder says that a pod of another manifest than the present one is there.
var ErrOlder = errors.New("a pod of an older manifest still runs")

// Ref names a static pod and which manifest it should be made from: the output
// pod of phases that write manifests.
type Ref struct {
	Name   string `cf:"name,required"`
	Digest string `cf:"digest,required"`
}

// Older reports whether a pod with these labels and annotations is a static pod of
// ref's name, but of another manifest.
func Older(labels, annotations map[string]string, ref Ref) bool {
	return labels[labelComponent] == ref.Name && annotations[annotationSource] == sourceFile && annotations[AnnotationDigest] != ref.Digest
}

// Runtime is the container runtime of this host.
type Runtime struct {
	// Socket is a path or a unix:// URL. Empty means the first of kubeadm's list that
	// exists.
	Socket string
}

// Runs returns nil once the container of ref's manifest runs and that of no other
// manifest of the same pod does, else why not. The API server is not needed.
func (r Runtime) Runs(ctx context.Context, ref Ref) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer of the container runtime within %s", askTimeout))
	defer cancel()
	err := r.ask(func(client runtimev1.RuntimeServiceClient) error { return runs(ctx, client, ref) })
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (r Runtime) ask(question func(runtimev1.RuntimeServiceClient) error) error {
	socket, err := r.Path()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()), cri.Published())
	if err != nil {
		return fmt.Errorf("connect to %s: %w", socket, err)
	}
	return errors.Join(question(runtimev1.NewRuntimeServiceClient(conn)), conn.Close())
}

// sockets are those of the runtimes that kubeadm knows, in its order.
func sockets() []string {
	return []string{"/var/run/containerd/containerd.sock", "/var/run/crio/crio.sock", "/var/run/cri-dockerd.sock"}
}

// Path is that of the socket. It is an error if there is none.
func (r Runtime) Path() (string, error) {
	if r.Socket != "" {
		return strings.TrimPrefix(r.Socket, "unix://"), nil
	}
	for _, path := range sockets() {
		if Exists(path) {
			return path, nil
		}
	}
	return "", sdk.Hint(fmt.Errorf("no container runtime: none of %s exists", strings.Join(sockets(), ", ")),
		"Start it, or set cri_socket to its socket.")
}

func runs(ctx context.Context, client runtimev1.RuntimeServiceClient, ref Ref) error {
	pods, err := client.ListPodSandbox(ctx, &runtimev1.ListPodSandboxRequest{Filter: &runtimev1.PodSandboxFilter{
		State:         &runtimev1.PodSandboxStateValue{State: runtimev1.PodSandboxState_SANDBOX_READY},
		LabelSelector: map[string]string{labelNamespace: "kube-system", labelComponent: ref.Name},
	}})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	var wanted *runtimev1.PodSandbox
	for _, pod := range pods.Items {
		switch {
		case pod.Annotations[annotationSource] != sourceFile: // a DaemonSet's, say
		case Older(pod.Labels, pod.Annotations, ref):
			return ErrOlder
		case wanted == nil || pod.CreatedAt > wanted.CreatedAt:
			wanted = pod
		}
	}
	if wanted == nil {
		return errors.New("the kubelet has not started its pod yet")
	}
	return containerRuns(ctx, client, wanted.Id)
}

// containerRuns looks at the container that was made last.
func containerRuns(ctx context.Context, client runtimev1.RuntimeServiceClient, pod string) error {
	list, err := client.ListContainers(ctx, &runtimev1.ListContainersRequest{Filter: &runtimev1.ContainerFilter{PodSandboxId: pod}})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	var last *runtimev1.Container
	for _, c := range list.Containers {
		if last == nil || cmp.Compare(c.CreatedAt, last.CreatedAt) > 0 {
			last = c
		}
	}
	switch {
	case last == nil:
		return errors.New("its pod has no container yet: the image may still be pulled")
	case last.State == runtimev1.ContainerState_CONTAINER_RUNNING:
		return nil
	case last.State != runtimev1.ContainerState_CONTAINER_EXITED:
		return errors.New("its container does not run yet")
	}
	status, err := client.ContainerStatus(ctx, &runtimev1.ContainerStatusRequest{ContainerId: last.Id})
	if err != nil {
		return fmt.Errorf("read the status of container %s: %w", last.Id, err)
	}
	return fmt.Errorf("its container %s has ended with exit code %d", short(last.Id), status.GetStatus().GetExitCode())
}

// short is an id as crictl shows it.
func short(id string) string { return id[:min(len(id), 13)] }
