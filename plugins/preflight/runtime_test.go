package preflight

import (
	"path/filepath"
	"strings"
	"testing"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
)

func TestRuntimeChecks(t *testing.T) {
	const image = "registry.k8s.io/pause:3.10.2"
	old := `{"containerd":{"defaultRuntimeName":"runc","runtimes":{"runc":{"options":{"SystemdCgroup":false}}}}}`
	mute := func(s *critest.State) { s.CgroupDriver, s.Config = "", old }
	noSystemd := func(t *testing.T, m *machine) { t.Helper(); m.run = t.TempDir() }
	tests := map[string]struct {
		check   string
		config  hostConfig
		runtime func(*critest.State)
		machine func(*testing.T, *machine)
		want    string
	}{
		"ready":     {"CRI", hostConfig{}, nil, nil, "ok: containerd v2.1.4 on SOCKET"},
		"no net":    {"CRI", hostConfig{}, func(s *critest.State) { s.NetworkDown = "no CNI" }, nil, "ok: containerd v2.1.4 on SOCKET"},
		"not ready": {"CRI", hostConfig{}, func(s *critest.State) { s.NotReady = "stopping" }, nil, "error: containerd is not ready: RuntimeReadyNot: stopping"},

		"version": {"ContainerRuntimeVersion", hostConfig{}, nil, nil, "ok: it tells its cgroup driver: systemd"},
		"old":     {"ContainerRuntimeVersion", hostConfig{}, mute, nil, "warning: the container runtime does not tell its cgroup driver to the kubelet"},

		"driver":             {"CgroupDriver", hostConfig{CgroupDriver: "systemd"}, nil, nil, "ok: systemd"},
		"driver unset":       {"CgroupDriver", hostConfig{}, nil, nil, "ok: systemd"},
		"driver, runtime's":  {"CgroupDriver", hostConfig{CgroupDriver: "cgroupfs"}, nil, nil, "warning: the kubelet's configuration says cgroup driver cgroupfs, the container runtime systemd, which the kubelet will take"},
		"driver, old":        {"CgroupDriver", hostConfig{CgroupDriver: "systemd"}, mute, nil, "error: the kubelet will use the cgroup driver systemd, the container runtime uses cgroupfs"},
		"driver, old, same":  {"CgroupDriver", hostConfig{CgroupDriver: "cgroupfs"}, mute, nil, "ok: cgroupfs"},
		"driver, unknown":    {"CgroupDriver", hostConfig{CgroupDriver: "systemd"}, func(s *critest.State) { s.CgroupDriver = "" }, nil, "warning: the kubelet will use the cgroup driver systemd, and the container runtime does not tell its own"},
		"driver, no systemd": {"CgroupDriver", hostConfig{}, nil, noSystemd, "error: the container runtime makes cgroups through systemd, which does not run here"},

		"pause":       {"SandboxImage", hostConfig{PauseImage: image}, nil, nil, "ok: " + image},
		"pause any":   {"SandboxImage", hostConfig{}, nil, nil, "ok: " + image},
		"other pause": {"SandboxImage", hostConfig{PauseImage: "m/pause:3.10.2"}, nil, nil, "warning: the container runtime starts pods with " + image + ", not with m/pause:3.10.2"},
		"pause, mute": {"SandboxImage", hostConfig{PauseImage: image}, func(s *critest.State) { s.SandboxImage = "" }, nil, "ok: the container runtime does not tell its own"},
		"pause, pinned": {"SandboxImage", hostConfig{PauseImage: image}, func(s *critest.State) {
			s.SandboxImage = ""
			s.Images = []*runtimeapi.Image{{Id: "1", RepoTags: []string{"m/pause:3.8"}, Pinned: true}}
		}, nil, "warning: the container runtime starts pods with m/pause:3.8, not with " + image},

		"no docker":         {"Docker", hostConfig{}, nil, nil, "ok: the container runtime is not Docker"},
		"no docker service": {"Service-docker", hostConfig{}, nil, nil, "ok: the container runtime is not Docker"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, m := critest.New(t), good(t)
			m.sockets = []string{r.Socket}
			if tt.runtime != nil {
				r.Set(tt.runtime)
			}
			if tt.machine != nil {
				tt.machine(t, m)
			}
			got := m.say(m.ask(t, tt.config, tt.check))
			equal(t, "verdict", strings.ReplaceAll(got, r.Socket, "SOCKET"), tt.want)
		})
	}
}

// TestNoRuntime is told of by one check, not by five.
func TestNoRuntime(t *testing.T) {
	m := good(t)
	socket := filepath.Join(m.workDir, "containerd.sock")
	c := hostConfig{CRISocket: socket, CgroupDriver: "systemd"}
	for check, want := range map[string]string{
		"CRI": "error: read version of container runtime: container runtime does not answer on unix://WORK/containerd.sock: " +
			"dial unix WORK/containerd.sock: connect: no such file or directory",
		"ContainerRuntimeVersion": "ok: not asked: the container runtime does not answer",
		"CgroupDriver":            "ok: not asked: the container runtime does not answer",
		"SandboxImage":            "ok: not asked: the container runtime does not answer",
	} {
		equal(t, check, m.say(m.ask(t, c, check)), want)
	}
	a, b := critest.New(t), critest.New(t)
	m.sockets = []string{a.Socket, b.Socket}
	equal(t, "several", m.say(m.ask(t, hostConfig{}, "CRI")), "error: choose container runtime: this host has several: "+a.Socket+", "+b.Socket)
}

func TestDocker(t *testing.T) {
	docker := func(info string, code int) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) { m.says("docker info --format {{json .}}", info, code) }
	}
	service := func(active, file string) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) {
			line, out := unit("docker", "loaded", active, file)
			m.says(line, out, 0)
		}
	}
	c := hostConfig{CRISocket: "/run/cri-dockerd.sock"}
	asked{
		"well":     {"Docker", c, docker(`{"ServerVersion":"27.3.1","Driver":"overlay2","CgroupDriver":"systemd"}`, 0), "ok: Docker 27.3.1 with overlay2, cgroup driver systemd"},
		"driver":   {"Docker", c, docker(`{"ServerVersion":"27.3.1","Driver":"vfs"}`, 0), `error: Docker keeps images with the storage driver "vfs"`},
		"old":      {"Docker", c, docker(`{"ServerVersion":"19.03.5","Driver":"overlay2"}`, 0), "warning: Docker is 19.03.5"},
		"older":    {"Docker", c, docker(`{"ServerVersion":"1.13.1","Driver":"overlay2"}`, 0), "warning: Docker is 1.13.1"},
		"down":     {"Docker", c, docker(`{"ServerErrors":["Cannot connect"]}`, 1), `error: docker info failed: Cannot connect; {"ServerErrors":["Cannot connect"]}`},
		"service":  {"Service-docker", c, service("active", "enabled"), "ok: docker is enabled"},
		"stopped":  {"Service-docker", c, service("inactive", "enabled"), "error: the service docker is not active"},
		"disabled": {"Service-docker", c, service("active", "disabled"), "warning: the service docker is not enabled, so it will not start with the host"},
	}.run(t)
}
