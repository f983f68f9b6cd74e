package cri

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	runtimeapi "github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
)

// Labels that the kubelet puts on sandboxes and containers.
const (
	LabelPod       = "io.kubernetes.pod.name"
	LabelNamespace = "io.kubernetes.pod.namespace"
	LabelUID       = "io.kubernetes.pod.uid"
	LabelContainer = "io.kubernetes.container.name"
)

// Sandbox is what a pod's containers live in.
type Sandbox struct {
	ID, Pod, Namespace, UID string
	Ready                   bool
	Labels, Annotations     map[string]string
	Created                 time.Time
}

// Sandboxes lists those that carry all of the labels, newest first; nil lists all.
func (c *Client) Sandboxes(ctx context.Context, labels map[string]string) ([]Sandbox, error) {
	answer, err := call(ctx, c, callTimeout, "list sandboxes", c.runtime.ListPodSandbox,
		&runtimeapi.ListPodSandboxRequest{Filter: &runtimeapi.PodSandboxFilter{LabelSelector: labels}})
	if err != nil {
		return nil, err
	}
	var out []Sandbox
	for _, s := range answer.GetItems() {
		out = append(out, Sandbox{
			ID: s.GetId(), Pod: s.GetMetadata().GetName(), Namespace: s.GetMetadata().GetNamespace(), UID: s.GetMetadata().GetUid(),
			Ready: s.GetState() == runtimeapi.PodSandboxState_SANDBOX_READY, Labels: s.GetLabels(),
			Annotations: s.GetAnnotations(), Created: time.Unix(0, s.GetCreatedAt()),
		})
	}
	slices.SortStableFunc(out, func(a, b Sandbox) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// StopSandbox ends a sandbox and its containers; an absent one is no error.
func (c *Client) StopSandbox(ctx context.Context, id string) error {
	_, err := call(ctx, c, removeTimeout, "stop sandbox "+id, c.runtime.StopPodSandbox, &runtimeapi.StopPodSandboxRequest{PodSandboxId: id})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// RemoveSandbox stops a sandbox and removes it with its containers; an absent one
// is no error. While a kubelet runs, it makes the pods it wants anew.
func (c *Client) RemoveSandbox(ctx context.Context, id string) error {
	if err := c.StopSandbox(ctx, id); err != nil {
		return err
	}
	_, err := call(ctx, c, removeTimeout, "remove sandbox "+id, c.runtime.RemovePodSandbox, &runtimeapi.RemovePodSandboxRequest{PodSandboxId: id})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Container is one that runs or has run.
type Container struct {
	ID, SandboxID, Name, Pod, Namespace string
	State                               string // "created", "running", "exited" or "unknown"
	Attempt                             uint32 // counts restarts, from 0
	Image                               string
	Labels                              map[string]string
	Created                             time.Time
}

// Containers lists those that carry all of the labels, also exited ones, newest
// first; nil lists all.
func (c *Client) Containers(ctx context.Context, labels map[string]string) ([]Container, error) {
	answer, err := call(ctx, c, callTimeout, "list containers", c.runtime.ListContainers,
		&runtimeapi.ListContainersRequest{Filter: &runtimeapi.ContainerFilter{LabelSelector: labels}})
	if err != nil {
		return nil, err
	}
	var out []Container
	for _, k := range answer.GetContainers() {
		out = append(out, Container{
			ID: k.GetId(), SandboxID: k.GetPodSandboxId(), Name: k.GetMetadata().GetName(), Attempt: k.GetMetadata().GetAttempt(),
			Pod: k.GetLabels()[LabelPod], Namespace: k.GetLabels()[LabelNamespace], Image: k.GetImage().GetImage(),
			State: stateName(k.GetState()), Labels: k.GetLabels(), Created: time.Unix(0, k.GetCreatedAt()),
		})
	}
	slices.SortStableFunc(out, func(a, b Container) int { return b.Created.Compare(a.Created) })
	return out, nil
}

func stateName(s runtimeapi.ContainerState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "CONTAINER_"))
}

// End is how a container stands or ended.
type End struct {
	State           string // as in [Container]
	ExitCode        int32
	Reason, Message string
	Finished        time.Time // zero while it runs
	LogPath         string
}

// End asks how a container ended and where its log is.
func (c *Client) End(ctx context.Context, id string) (End, error) {
	answer, err := call(ctx, c, callTimeout, "read status of container "+id, c.runtime.ContainerStatus,
		&runtimeapi.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return End{}, err
	}
	s := answer.GetStatus()
	end := End{
		State: stateName(s.GetState()), ExitCode: s.GetExitCode(), Reason: s.GetReason(), Message: s.GetMessage(), LogPath: s.GetLogPath(),
	}
	if s.GetFinishedAt() > 0 {
		end.Finished = time.Unix(0, s.GetFinishedAt())
	}
	return end, nil
}

// Log returns the last lines of what a container wrote, also one that exited: at
// most n lines, oldest first. The log is read from the file that the runtime names.
func (c *Client) Log(ctx context.Context, id string, n int) ([]string, error) {
	end, err := c.End(ctx, id)
	if err != nil {
		return nil, err
	}
	if end.LogPath == "" {
		return nil, nil
	}
	return TailLog(end.LogPath, n)
}
