//go:build lab

package tests

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestKubeadm makes a cluster with kubeadm: what later tests compare with works here.
func TestKubeadm(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 3, Images: true, Kubeadm: true})
	n1, n2, n3 := l.Host("n1"), l.Host("n2"), l.Host("n3")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()

	step := func(name string, do func(context.Context) error) {
		t.Helper()
		began := time.Now()
		if err := do(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s took %.1fs", name, time.Since(began).Seconds())
	}
	step("kubeadm init", n1.KubeadmInit)
	step("kubeadm join", func(ctx context.Context) error { return n2.KubeadmJoin(ctx, n1) })
	step("kubeadm join --control-plane", func(ctx context.Context) error { return n3.KubeadmJoinControlPlane(ctx, n1) })
	step("waiting for the cluster", n1.WaitForCluster)

	if got := run(t, n1, "kubectl", "get", "nodes", "--output=name"); got != "node/n1\nnode/n2\nnode/n3\n" {
		t.Errorf("nodes are %q, want n1, n2 and n3", got)
	}
	if got := run(t, n3, "kubectl", "get", "--raw", "/readyz"); got != "ok" {
		t.Errorf("the second API server says %q, want ok", got)
	}
	if requests := l.Registry.Requests(); len(requests) > 0 {
		t.Errorf("hosts with images asked the registry: %q", requests)
	}
	for _, h := range l.Hosts { // CoreDNS runs on n1: the others prove the way between pods
		got, err := lookup(ctx, h, "kubernetes.default.svc.cluster.local")
		if err != nil || !slices.Equal(got, []string{"10.96.0.1"}) {
			t.Errorf("%s: the cluster's name service answers %q, %v, want 10.96.0.1", h.Name, got, err)
		}
	}
	if out, err := n2.Run(ctx, "curl", "--silent", "--show-error", "--insecure", "https://10.96.0.1/livez"); err != nil || out != "ok" {
		t.Errorf("n2 reaches the API server through its service: %q, %v, want ok", out, err)
	}
	if journal := n2.Journal(ctx, 5, "kubelet"); !strings.Contains(journal, "kubelet") {
		t.Errorf("journal of the kubelet has no line of it:\n%s", journal)
	}
}

// lookup asks the name service of the cluster from h.
func lookup(ctx context.Context, h *lab.Host, name string) ([]string, error) {
	resolver := net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return h.Dial(ctx, network, "10.96.0.10:53")
		},
	}
	return resolver.LookupHost(ctx, name+".")
}
