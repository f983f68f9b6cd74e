package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
)

func checkSocket(socket string) error {
	if socket == "" {
		return nil
	}
	if _, err := cri.Address(socket); err != nil {
		return attrError("cri_socket", err)
	}
	return nil
}

// socket is the socket given, or the one that is found.
func (m machine) socket(ctx context.Context, given string) (string, error) {
	if given != "" {
		return cri.Address(given)
	}
	return cri.Detect(ctx, m.sockets)
}

// askRuntime asks the container runtime for a verdict.
func (m machine) askRuntime(ctx context.Context, socket string, ask func(*cri.Client) (verdict, error)) verdict {
	address, err := m.socket(ctx, socket)
	if err != nil {
		return unreadable(err)
	}
	c, err := cri.Dial(address)
	if err != nil {
		return unreadable(err)
	}
	defer func() { _ = c.Close() }()
	v, err := ask(c)
	if err != nil {
		return unreadable(err)
	}
	return v
}

// runtimeReady does not ask for the network: it comes with the cluster.
func (m machine) runtimeReady(ctx context.Context, socket string) verdict {
	return m.askRuntime(ctx, socket, func(c *cri.Client) (verdict, error) {
		version, err := c.Version(ctx)
		if err != nil {
			return verdict{}, err
		}
		status, err := c.Status(ctx)
		if err != nil {
			return verdict{}, err
		}
		if !status.Ready {
			unit := cri.Unit(c.Socket)
			return fail(fmt.Sprintf("%s is not ready: %s", version.Name, status.Reason), fmt.Sprintf("See what is wrong: journalctl -u %s -n 50", unit)), nil
		}
		return pass("%s %s on %s", version.Name, version.Version, c.Socket), nil
	})
}

// unasked lets the check CRI alone tell of a runtime that does not answer.
func unasked(err error) (verdict, error) {
	if errors.Is(err, cri.ErrUnreachable) {
		return pass("not asked: the container runtime does not answer"), nil
	}
	return verdict{}, err
}

func (m machine) runtimeVersion(ctx context.Context, socket string) verdict {
	return m.askRuntime(ctx, socket, func(c *cri.Client) (verdict, error) {
		driver, err := c.CgroupDriver(ctx)
		switch {
		case errors.Is(err, cri.ErrUnsupported):
			return warn("the container runtime does not tell its cgroup driver to the kubelet",
				"Kubernetes 1.37 needs it. Update the runtime: containerd to 2.0 or newer, CRI-O to 1.28 or newer."), nil
		case err != nil:
			return unasked(err)
		}
		return pass("it tells its cgroup driver: %s", driver), nil
	})
}

// cgroupDriver compares what the runtime uses with what the kubelet will be told.
// A runtime that tells its driver wins over the kubelet's configuration, so a
// difference is harmless there; one that does not leaves both to their own.
func (m machine) cgroupDriver(ctx context.Context, socket, wanted string) verdict {
	return m.askRuntime(ctx, socket, func(c *cri.Client) (verdict, error) {
		told := true
		driver, err := c.CgroupDriver(ctx)
		if errors.Is(err, cri.ErrUnsupported) {
			told = false
			var status cri.Status
			status, err = c.Status(ctx)
			driver = status.CgroupDriver
		}
		if err != nil {
			return unasked(err)
		}
		if driver == "systemd" && m.initSystem() != initSystemd {
			return fail("the container runtime makes cgroups through systemd, which does not run here", setDriver("cgroupfs")), nil
		}
		if wanted == "" || driver == wanted {
			return pass("%s", driver), nil
		}
		switch {
		case driver == "":
			return warn(fmt.Sprintf("the kubelet will use the cgroup driver %s, and the container runtime does not tell its own", wanted), setDriver(wanted)), nil
		case told:
			return warn(fmt.Sprintf("the kubelet's configuration says cgroup driver %s, the container runtime %s, which the kubelet will take", wanted, driver), setDriver(wanted)), nil
		}
		return fail(fmt.Sprintf("the kubelet will use the cgroup driver %s, the container runtime uses %s", wanted, driver), setDriver(wanted)), nil
	})
}

func setDriver(driver string) string {
	return fmt.Sprintf("They must be the same, or pods are killed under load. Set cgroup_driver to the runtime's, or the runtime's to %s. "+
		"containerd: SystemdCgroup = %v in /etc/containerd/config.toml. CRI-O: cgroup_manager in /etc/crio/crio.conf. Then restart it.", driver, driver == "systemd")
}

// sandboxImage warns when the runtime starts pods with another pause image than
// the one that is pulled: it then pulls its own, which an offline host cannot.
func (m machine) sandboxImage(ctx context.Context, socket, wanted string) verdict {
	return m.askRuntime(ctx, socket, func(c *cri.Client) (verdict, error) {
		status, err := c.Status(ctx)
		switch {
		case err != nil:
			return unasked(err)
		case status.SandboxImage == "":
			return pass("the container runtime does not tell its own"), nil
		case wanted != "" && status.SandboxImage != wanted:
			return warn(fmt.Sprintf("the container runtime starts pods with %s, not with %s", status.SandboxImage, wanted),
				fmt.Sprintf("Where its own cannot be pulled, no pod starts. containerd 2: sandbox = %q under [plugins.'io.containerd.cri.v1.images'.pinned_images]; "+
					"containerd 1: sandbox_image; CRI-O: pause_image. Then restart it.", wanted)), nil
		}
		return pass("%s", status.SandboxImage), nil
	})
}

// behindDocker reports whether the runtime is Docker, through cri-dockerd.
func (m machine) behindDocker(ctx context.Context, socket string) bool {
	address, err := m.socket(ctx, socket)
	return err == nil && strings.HasSuffix(address, "/cri-dockerd.sock")
}

const notDocker = "the container runtime is not Docker"

func (m machine) dockerService(ctx context.Context, socket string) verdict {
	if !m.behindDocker(ctx, socket) {
		return pass(notDocker)
	}
	return m.serviceReady(ctx, "docker", true)
}

// docker asks the Docker behind cri-dockerd for what the kubelet depends on.
func (m machine) docker(ctx context.Context, socket string) verdict {
	if !m.behindDocker(ctx, socket) {
		return pass(notDocker)
	}
	result, err := m.command(ctx, "docker", "info", "--format", "{{json .}}")
	if err != nil {
		return unreadable(err)
	}
	var info struct {
		ServerVersion, Driver, CgroupDriver string
		ServerErrors                        []string
	}
	if err := json.Unmarshal([]byte(result.Stdout), &info); err != nil || result.Code != 0 || len(info.ServerErrors) > 0 {
		return fail("docker info failed: "+strings.Join(append(info.ServerErrors, result.LastLines(1)), "; "), "See what is wrong: journalctl -u docker -n 50")
	}
	if !slices.Contains([]string{"overlay2", "overlayfs", "btrfs", "zfs", "fuse-overlayfs"}, info.Driver) {
		return fail(fmt.Sprintf("Docker keeps images with the storage driver %q", info.Driver), `Set "storage-driver": "overlay2" in /etc/docker/daemon.json, then: systemctl restart docker`)
	}
	if major, _, _ := strings.Cut(info.ServerVersion, "."); len(major) < 2 || major < "20" {
		return warn(fmt.Sprintf("Docker is %s", info.ServerVersion), "cri-dockerd is made for Docker 20.10 or newer. Update it.")
	}
	return pass("Docker %s with %s, cgroup driver %s", info.ServerVersion, info.Driver, info.CgroupDriver)
}
