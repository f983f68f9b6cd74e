//go:build lab

package tests

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

const (
	pauseImage = "registry.k8s.io/pause:3.10.2"
	dnsImage   = "registry.k8s.io/coredns/coredns:v1.14.2"
)

// TestHosts has two hosts without images and does with them what a kubelet would.
func TestHosts(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2})
	n1, n2 := l.Host("n1"), l.Host("n2")

	for _, h := range l.Hosts {
		if got := run(t, h, "cat", "/proc/1/comm"); got != "systemd\n" {
			t.Errorf("%s: first process is %q, want systemd", h.Name, got)
		}
		if got := run(t, h, "systemctl", "is-active", "containerd", "ssh", "lab-host"); got != "active\nactive\nactive\n" {
			t.Errorf("%s: containerd, ssh, lab-host are %q", h.Name, got)
		}
		if got := run(t, h, "systemctl", "is-enabled", "kubelet"); got != "enabled\n" {
			t.Errorf("%s: kubelet is %q, want enabled", h.Name, got)
		}
		if got := run(t, h, "hostname"); got != h.Name+"\n" {
			t.Errorf("hostname of %s is %q", h.Name, got)
		}
		if got := run(t, h, "sh", "-c", "command -v kubeadm clusterflow || true"); got != "" {
			t.Errorf("%s has %q, which nobody asked for", h.Name, got)
		}
		if got := run(t, h, "crictl", "images", "--quiet"); got != "" {
			t.Errorf("%s: images before any pull: %s", h.Name, got)
		}
	}
	if a, b := run(t, n1, "cat", "/etc/machine-id"), run(t, n2, "cat", "/etc/machine-id"); a == b || len(a) != 33 {
		t.Errorf("machine ids are %q and %q, want different ones", a, b)
	}
	run(t, n1, "ping", "-c1", "-W2", "n2")
	run(t, n2, "ping", "-c1", "-W2", n1.IP)
	// Who dials a service before kube-proxy knows it must not hang.
	run(t, n1, "bash", "-c", `for i in {1..12}; do timeout 3 bash -c '</dev/tcp/10.96.0.1/443' 2>/dev/null; [ $? != 124 ] || exit 1; done`)

	t.Run("registry", func(t *testing.T) { testRegistry(t, l) })
	t.Run("pods", func(t *testing.T) { testPods(t, n1, n2) })
}

func testRegistry(t *testing.T, l *lab.Lab) {
	t.Helper()
	h := l.Host("n1")
	pull := func(image string) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := h.Run(ctx, "crictl", "pull", image)
		return err
	}
	l.Registry.Hide("coredns/coredns")
	if err := pull(dnsImage); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("pull of an image that the registry has not: got %v, want not found", err)
	}
	l.Registry.Hide()
	l.Registry.Fail(500)
	if err := pull(dnsImage); err == nil || !strings.Contains(err.Error(), "500 Internal Server Error") {
		t.Errorf("pull from a broken registry: got %v, want 500 Internal Server Error", err)
	}
	l.Registry.Fail(0)
	if err := pull(dnsImage); err != nil {
		t.Errorf("pull: %v", err)
	}
	if got := run(t, h, "crictl", "images"); !strings.Contains(got, "registry.k8s.io/coredns/coredns") {
		t.Errorf("the image that was pulled is not there:\n%s", got)
	}
	if !slices.Contains(l.Registry.Requests(), "HEAD /v2/coredns/coredns/manifests/v1.14.2") {
		t.Errorf("the registry was not asked for the image: %q", l.Registry.Requests())
	}
	if err := pull("registry.example.org/nothing:v1"); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("pull of an image that is nowhere: got %v, want not found", err)
	}
}

// testPods runs a pod on each host and lets them reach each other.
func testPods(t *testing.T, n1, n2 *lab.Host) {
	t.Helper()
	var pods [2]pod
	for i, h := range []*lab.Host{n1, n2} {
		pods[i] = runPod(t, h)
	}
	if !strings.HasPrefix(pods[0].ip, "10.244.0.") || !strings.HasPrefix(pods[1].ip, "10.244.1.") {
		t.Errorf("pods have the addresses %s and %s, want 10.244.0.* and 10.244.1.*", pods[0].ip, pods[1].ip)
	}
	run(t, n1, "nsenter", "--net=/proc/"+pods[0].pid+"/ns/net", "ping", "-c1", "-W2", pods[1].ip)
	run(t, n2, "nsenter", "--net=/proc/"+pods[1].pid+"/ns/net", "ping", "-c1", "-W2", n1.IP)
}

type pod struct{ ip, pid string }

// runPod starts an empty pod on h.
func runPod(t *testing.T, h *lab.Host) pod {
	t.Helper()
	const sandbox = `{"metadata": {"name": "p", "namespace": "default", "uid": "1"}, "log_directory": "/tmp", "linux": {}}`
	if err := h.Put(t.Context(), "/root/pod.json", 0o600, strings.NewReader(sandbox)); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(run(t, h, "crictl", "runp", "/root/pod.json"))
	var got struct {
		Status struct {
			State   string
			Network struct{ IP string }
		}
		Info struct{ Pid json.Number }
	}
	if err := json.Unmarshal([]byte(run(t, h, "crictl", "inspectp", id)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status.State != "SANDBOX_READY" {
		t.Errorf("%s: pod is %s, want SANDBOX_READY", h.Name, got.Status.State)
	}
	if image := run(t, h, "crictl", "images"); !strings.Contains(image, strings.Split(pauseImage, ":")[0]) {
		t.Errorf("%s: no pause image was pulled:\n%s", h.Name, image)
	}
	return pod{ip: got.Status.Network.IP, pid: got.Info.Pid.String()}
}

// run runs args in h, which must succeed, and answers what they print.
func run(t *testing.T, h *lab.Host, args ...string) string {
	t.Helper()
	out, err := h.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
