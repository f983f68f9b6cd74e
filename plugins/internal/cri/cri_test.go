package cri_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func dial(t *testing.T, socket string) *cri.Client {
	t.Helper()
	c, err := cri.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func hint(err error) string {
	if d := sdk.Diagnose(err); len(d) > 0 {
		return d[0].Detail
	}
	return ""
}

func TestAddress(t *testing.T) {
	tests := map[string]struct{ in, want, err string }{
		"address":  {"unix:///run/crio/crio.sock", "unix:///run/crio/crio.sock", ""},
		"path":     {"/run//x.sock", "unix:///run/x.sock", ""},
		"relative": {"x.sock", "", `read socket of container runtime "x.sock": it is no absolute path`},
		"two":      {"unix://run/x.sock", "", `read socket of container runtime "unix://run/x.sock": after unix:// comes an absolute path, with a third slash`},
		"tcp":      {"tcp://h:1", "", `read socket of container runtime "tcp://h:1": tcp:// is not supported`},
		"windows":  {"npipe:////./pipe/containerd", "", `read socket of container runtime "npipe:////./pipe/containerd": npipe:// is not supported`},
		"empty":    {"", "", `read socket of container runtime "": it is no absolute path`},
		"broken":   {"unix://%zz", "", `read socket of container runtime "unix://%zz": it is no address`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := cri.Address(tt.in)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %q, %v, want %q, %s", got, err, tt.want, tt.err)
			}
			if err == nil {
				dial(t, tt.in) // opens nothing yet
			} else if _, dialErr := cri.Dial(tt.in); dialErr == nil {
				t.Errorf("dial: got no error, want %v", err)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	a, b := critest.New(t), critest.New(t)
	dir := filepath.Dir(strings.TrimPrefix(a.Socket, "unix://"))
	stale := filepath.Join(dir, "stale.sock")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		candidates []string
		want, err  string
	}{
		"none":    {[]string{"/no/such.sock", stale}, cri.Default, ""},
		"one":     {[]string{"/no/such.sock", b.Socket}, b.Socket, ""},
		"several": {[]string{b.Socket, a.Socket}, "", "choose container runtime: this host has several: " + b.Socket + ", " + a.Socket},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := cri.Detect(t.Context(), tt.candidates)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %q, %v, want %q, %s", got, err, tt.want, tt.err)
			}
			if err != nil && hint(err) != `Say which one the kubelet uses: cri_socket = "`+b.Socket+`".` {
				t.Errorf("hint: got %q", hint(err))
			}
		})
	}
}

func TestRuntime(t *testing.T) {
	r := critest.New(t)
	c := dial(t, r.Socket)
	v, err := c.Version(t.Context())
	if want := (cri.Version{Name: "containerd", Version: "v2.1.4", API: "v1"}); err != nil || v != want {
		t.Errorf("version: got %+v, %v, want %+v", v, err, want)
	}
	s, err := c.Status(t.Context())
	if want := (cri.Status{Ready: true, NetworkReady: true, SandboxImage: "registry.k8s.io/pause:3.10.2"}); err != nil || s != want {
		t.Errorf("status: got %+v, %v, want %+v", s, err, want)
	}
	r.Set(func(s *critest.State) {
		s.NotReady, s.NetworkDown, s.SandboxImage, s.CgroupDriver = "shutting down", "no CNI config", "", "cgroupfs"
	})
	s, err = c.Status(t.Context())
	if want := (cri.Status{Reason: "RuntimeReadyNot: shutting down", NetworkReason: "NetworkReadyNot: no CNI config"}); err != nil || s != want {
		t.Errorf("status: got %+v, %v, want %+v", s, err, want)
	}
	r.Set(func(s *critest.State) {
		s.Images = []*runtimeapi.Image{
			{Id: "1", RepoTags: []string{"mirror/pause:3.9"}},
			{Id: "2", RepoTags: []string{"mirror/pause:3.10"}, Pinned: true},
		}
	})
	if s, err := c.Status(t.Context()); err != nil || s.SandboxImage != "mirror/pause:3.10" {
		t.Errorf("pinned sandbox image: got %+v, %v", s, err)
	}
	if driver, err := c.CgroupDriver(t.Context()); err != nil || driver != "cgroupfs" {
		t.Errorf("cgroup driver: got %q, %v", driver, err)
	}
	r.Set(func(s *critest.State) { s.CgroupDriver = "" })
	if _, err := c.CgroupDriver(t.Context()); !errors.Is(err, cri.ErrUnsupported) {
		t.Errorf("cgroup driver: got %v, want %v", err, cri.ErrUnsupported)
	}
}

func TestImages(t *testing.T) {
	r := critest.New(t)
	c := dial(t, r.Socket)
	const ref = "registry.k8s.io/pause:3.10.2"
	if _, ok, err := c.Image(t.Context(), ref); ok || err != nil {
		t.Errorf("absent: got %v, %v", ok, err)
	}
	if id, err := c.Pull(t.Context(), ref); err != nil || id != "sha256:"+ref {
		t.Errorf("pull: got %q, %v", id, err)
	}
	image, ok, err := c.Image(t.Context(), ref)
	if !ok || err != nil || image.Size != critest.PulledSize || image.ID != "sha256:"+ref || image.Tags[0] != ref {
		t.Errorf("present: got %+v, %v, %v", image, ok, err)
	}
	if list, err := c.Images(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("list: got %+v, %v", list, err)
	}
	for range 2 {
		if err := c.RemoveImage(t.Context(), ref); err != nil || r.HasImage(ref) {
			t.Errorf("remove: got %v", err)
		}
	}
}

func TestPods(t *testing.T) {
	r := critest.New(t)
	c := dial(t, r.Socket)
	labels := map[string]string{cri.LabelPod: "etcd-n1", cri.LabelNamespace: "kube-system", cri.LabelContainer: "etcd"}
	log := filepath.Join(t.TempDir(), "0.log")
	if err := os.WriteFile(log, []byte("2026-01-01T00:00:00Z stderr F one\n2026-01-01T00:00:01Z stdout F two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Set(func(s *critest.State) {
		s.Sandboxes = []*runtimeapi.PodSandbox{
			{Id: "old", Metadata: &runtimeapi.PodSandboxMetadata{Name: "etcd-n1", Namespace: "kube-system", Uid: "u"}, Labels: labels, CreatedAt: 1, State: runtimeapi.PodSandboxState_SANDBOX_NOTREADY},
			{Id: "new", Metadata: &runtimeapi.PodSandboxMetadata{Name: "etcd-n1", Namespace: "kube-system", Uid: "u"}, Labels: labels, CreatedAt: 2},
			{Id: "other", CreatedAt: 3},
		}
		s.Containers = []critest.Container{
			{SandboxID: "new", Status: &runtimeapi.ContainerStatus{
				Id: "c1", Metadata: &runtimeapi.ContainerMetadata{Name: "etcd", Attempt: 3}, State: runtimeapi.ContainerState_CONTAINER_EXITED,
				CreatedAt: 5, FinishedAt: int64(time.Second), ExitCode: 2, Reason: "Error", LogPath: log, Labels: labels, Image: &runtimeapi.ImageSpec{Image: "etcd"},
			}},
			{SandboxID: "other", Status: &runtimeapi.ContainerStatus{Id: "c2", State: runtimeapi.ContainerState_CONTAINER_RUNNING, CreatedAt: 9}},
		}
	})
	sandboxes, err := c.Sandboxes(t.Context(), map[string]string{cri.LabelPod: "etcd-n1"})
	if err != nil || len(sandboxes) != 2 || sandboxes[0].ID != "new" || !sandboxes[0].Ready || sandboxes[1].Ready || sandboxes[1].Pod != "etcd-n1" {
		t.Errorf("sandboxes: got %+v, %v", sandboxes, err)
	}
	containers, err := c.Containers(t.Context(), map[string]string{cri.LabelContainer: "etcd"})
	if err != nil || len(containers) != 1 || containers[0].State != "exited" || containers[0].Attempt != 3 || containers[0].Pod != "etcd-n1" {
		t.Errorf("containers: got %+v, %v", containers, err)
	}
	if all, err := c.Containers(t.Context(), nil); err != nil || len(all) != 2 || all[0].ID != "c2" {
		t.Errorf("all containers: got %+v, %v", all, err)
	}
	end, err := c.End(t.Context(), "c1")
	if want := (cri.End{State: "exited", ExitCode: 2, Reason: "Error", LogPath: log, Finished: time.Unix(1, 0)}); err != nil || end != want {
		t.Errorf("end: got %+v, %v, want %+v", end, err, want)
	}
	if lines, err := c.Log(t.Context(), "c1", 1); err != nil || len(lines) != 1 || lines[0] != "two" {
		t.Errorf("log: got %q, %v", lines, err)
	}
	if _, err := c.End(t.Context(), "no"); !errors.Is(err, cri.ErrNotFound) {
		t.Errorf("absent container: got %v", err)
	}
	if err := c.RemoveSandbox(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(r.Calls(), ", "), "StopPodSandbox new, RemovePodSandbox new"; got != want {
		t.Errorf("calls: got %s, want %s", got, want)
	}
	if all, err := c.Containers(t.Context(), nil); err != nil || len(all) != 1 {
		t.Errorf("left: got %+v, %v", all, err)
	}
}

// TestUnreachable has nobody listening, and somebody who knows no CRI.
func TestUnreachable(t *testing.T) {
	dir := t.TempDir()
	c := dial(t, filepath.Join(dir, "containerd.sock"))
	_, err := c.Version(t.Context())
	if !errors.Is(err, cri.ErrUnreachable) || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(hint(err), "Start it: systemctl enable --now containerd.") {
		t.Errorf("hint: got %q", hint(err))
	}
	if _, err := c.Pull(t.Context(), "a/b:c"); !errors.Is(err, cri.ErrUnreachable) {
		t.Errorf("pull: got %v", err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "x.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server, done := grpc.NewServer(), make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	defer func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	c = dial(t, filepath.Join(dir, "x.sock"))
	_, err = c.Status(t.Context())
	if !errors.Is(err, cri.ErrUnsupported) || !strings.Contains(hint(err), "disabled_plugins") {
		t.Errorf("no CRI: got %v, %q", err, hint(err))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if _, err := c.Version(ctx); err == nil || err.Error() != "read version of container runtime: enough" {
		t.Errorf("cancelled: got %v", err)
	}
}
