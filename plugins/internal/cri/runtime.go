package cri

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	runtimeapi "github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
)

// Version is what a runtime says of itself.
type Version struct {
	Name    string // "containerd"
	Version string // "v2.1.4"
	API     string // "v1"
}

// Version asks what the runtime is.
func (c *Client) Version(ctx context.Context) (Version, error) {
	v, err := call(ctx, c, callTimeout, "read version of container runtime", c.runtime.Version, &runtimeapi.VersionRequest{})
	if err != nil {
		return Version{}, err
	}
	return Version{Name: v.GetRuntimeName(), Version: v.GetRuntimeVersion(), API: v.GetRuntimeApiVersion()}, nil
}

// Status is whether a runtime is fit to run pods.
type Status struct {
	Ready, NetworkReady bool
	// Reason says why it is not ready, or why its network is not.
	Reason, NetworkReason string
	// SandboxImage is the pause image, "" if the runtime does not tell.
	SandboxImage string
	// CgroupDriver is that of containerd's configuration, for one that is too old for
	// [Client.CgroupDriver]; "" if it does not tell.
	CgroupDriver string
}

// Status asks how the runtime is. A missing CNI configuration shows in
// NetworkReady and is normal before there is a cluster.
func (c *Client) Status(ctx context.Context) (Status, error) {
	answer, err := call(ctx, c, callTimeout, "read status of container runtime", c.runtime.Status, &runtimeapi.StatusRequest{Verbose: true})
	if err != nil {
		return Status{}, err
	}
	out := Status{Ready: true, NetworkReady: true}
	out.SandboxImage, out.CgroupDriver = parseConfig(answer.GetInfo()["config"])
	for _, condition := range answer.GetStatus().GetConditions() {
		why := strings.Trim(condition.GetReason()+": "+condition.GetMessage(), ": ")
		switch condition.GetType() {
		case runtimeReady:
			out.Ready, out.Reason = condition.GetStatus(), why
		case networkReady:
			out.NetworkReady, out.NetworkReason = condition.GetStatus(), why
		}
	}
	if out.SandboxImage == "" {
		out.SandboxImage = c.pinnedPause(ctx)
	}
	return out, nil
}

// parseConfig reads the verbose config of containerd 1 and of CRI-O.
func parseConfig(config string) (sandboxImage, cgroupDriver string) {
	var c struct {
		SandboxImage string `json:"sandboxImage"`
		Containerd   struct {
			DefaultRuntimeName string `json:"defaultRuntimeName"`
			Runtimes           map[string]struct {
				Options map[string]any `json:"options"`
			} `json:"runtimes"`
		} `json:"containerd"`
	}
	if json.Unmarshal([]byte(config), &c) != nil {
		return "", ""
	}
	if handler, ok := c.Containerd.Runtimes[c.Containerd.DefaultRuntimeName]; ok {
		cgroupDriver = "cgroupfs"
		if handler.Options["SystemdCgroup"] == true {
			cgroupDriver = "systemd"
		}
	}
	return c.SandboxImage, cgroupDriver
}

// pinnedPause finds the sandbox image of containerd 2, which leaves it out of its
// config, but pins it once it is there.
func (c *Client) pinnedPause(ctx context.Context) string {
	images, err := c.Images(ctx)
	if err != nil {
		return ""
	}
	for _, image := range images {
		for _, tag := range image.Tags {
			if image.Pinned && strings.Contains(tag[strings.LastIndex(tag, "/")+1:], "pause:") {
				return tag
			}
		}
	}
	return ""
}

// CgroupDriver asks how the runtime makes cgroups: "systemd" or "cgroupfs". The
// error is [ErrUnsupported] when it is too old to tell: containerd before 2.0,
// CRI-O before 1.28.
func (c *Client) CgroupDriver(ctx context.Context) (string, error) {
	answer, err := call(ctx, c, callTimeout, "read configuration of container runtime", c.runtime.RuntimeConfig, &runtimeapi.RuntimeConfigRequest{})
	switch {
	case err != nil:
		return "", err
	case answer.GetLinux() == nil:
		return "", fmt.Errorf("read configuration of container runtime: %w: it tells no cgroup driver", ErrUnsupported)
	}
	return strings.ToLower(answer.GetLinux().GetCgroupDriver().String()), nil
}
