//go:build lab

package tests

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

const resetCommand = "clusterflow apply reset.hcl --auto-approve"

// TestResetLeaves takes a control-plane node and a worker out of a cluster that
// kubeadm made and that goes on, and leaves what is not the cluster's.
func TestResetLeaves(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 4, Images: true, Kubeadm: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	n1, n2, n3, n4 := l.Host("n1"), l.Host("n2"), l.Host("n3"), l.Host("n4")
	bare := map[*lab.Host][]string{}
	for _, h := range l.Hosts {
		if _, err := h.InstallClusterflow(ctx); err != nil {
			t.Fatal(err)
		}
		bare[h] = remains(ctx, t, h)
	}
	if err := n1.KubeadmInit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*lab.Host{n2, n3} {
		if err := h.KubeadmJoinControlPlane(ctx, n1); err != nil {
			t.Fatal(err)
		}
	}
	if err := n4.KubeadmJoin(ctx, n1); err != nil {
		t.Fatal(err)
	}
	if err := n1.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	t.Run("control plane", func(t *testing.T) { testLeave(ctx, t, n1, n3, bare[n3]) })
	t.Run("worker", func(t *testing.T) { testWorkerLeaves(ctx, t, n1, n4, bare[n4]) })
	t.Run("without quorum", func(t *testing.T) { testNoQuorum(ctx, t, n1, n2, bare[n2]) })
}

// testLeave drains a node whose pods have a disruption budget.
func testLeave(ctx context.Context, t *testing.T, first, h *lab.Host, bare []string) {
	t.Helper()
	if err := first.Put(ctx, "/root/web.yaml", 0o600, strings.NewReader(strings.ReplaceAll(budgeted, "NODE", h.Name))); err != nil {
		t.Fatal(err)
	}
	run(t, first, "kubectl", "apply", "-f", "/root/web.yaml")
	run(t, first, "kubectl", "rollout", "status", "deployment/web", "--timeout=2m")
	if out := reset(ctx, t, h); strings.Count(out, "evicted; its controller makes it anew elsewhere") != 2 {
		t.Errorf("the plan does not show the eviction of two pods:\n%s", out)
	}
	if pods := run(t, first, "kubectl", "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}"); strings.Contains(pods, h.Name) {
		t.Errorf("pods are on %q", pods)
	}
	if nodes := run(t, first, "kubectl", "get", "nodes", "-o", "name"); strings.Contains(nodes, h.Name) {
		t.Errorf("the cluster still knows %s: %q", h.Name, nodes)
	}
	if got := members(t, first); !slices.Equal(got, []string{"n1", "n2"}) {
		t.Errorf("members of etcd are %q, want n1 and n2", got)
	}
	wantRemains(ctx, t, h, bare)
	if err := h.KubeadmJoinControlPlane(ctx, first); err != nil {
		t.Errorf("join again: %v", err)
	}
	reset(ctx, t, h)
}

// testWorkerLeaves has data at the place of etcd's, of which nothing tells whose it is.
func testWorkerLeaves(ctx context.Context, t *testing.T, first, h *lab.Host, bare []string) {
	t.Helper()
	const data = "/var/lib/etcd/member/data"
	if _, err := h.Shell(ctx, "mkdir -p /var/lib/etcd/member && touch "+data); err != nil {
		t.Fatal(err)
	}
	out := reset(ctx, t, h)
	for _, want := range []string{"kubectl delete node " + h.Name, "/var/lib/etcd has data, and nothing tells that it is of this member"} {
		if !strings.Contains(out, want) {
			t.Errorf("reset does not say %q:\n%s", want, out)
		}
	}
	if _, err := h.Get(ctx, data); err != nil {
		t.Errorf("foreign data: %v", err)
	}
	run(t, h, "rm", "-r", "/var/lib/etcd/member")
	wantRemains(ctx, t, h, bare)
	run(t, first, "kubectl", "delete", "node", h.Name)
	if err := h.KubeadmJoin(ctx, first); err != nil {
		t.Errorf("join again: %v", err)
	}
}

// testNoQuorum refuses to leave when the other member is down, before anything was
// done, unless the data is given up by name.
func testNoQuorum(ctx context.Context, t *testing.T, down, h *lab.Host, bare []string) {
	t.Helper()
	run(t, down, "systemctl", "stop", "kubelet")
	if _, err := down.Shell(ctx, "crictl stopp $(crictl pods -q --name etcd)"); err != nil {
		t.Fatal(err)
	}
	if out, err := h.Run(ctx, strings.Fields(resetCommand+" --var drain=false")...); err == nil {
		t.Fatalf("a member left that the others need:\n%s", out)
	}
	if state := run(t, h, "crictl", "pods", "--name", "etcd", "--state", "Ready", "-q"); state == "" {
		t.Error("etcd was stopped all the same")
	}
	if out, err := h.Run(ctx, strings.Fields(resetCommand+" --var destroy_etcd_data=n9")...); err == nil {
		t.Errorf("data was given up under another name:\n%s", out)
	}
	reset(ctx, t, h, "--var destroy_etcd_data="+h.Name)
	wantRemains(ctx, t, h, bare)
}

// budgeted is a Deployment of two pods that prefer a node, and its budget of one.
const budgeted = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{operator: Exists, key: node-role.kubernetes.io/control-plane}]
      affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
        {weight: 100, preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [NODE]}]}}]}}
      containers: [{name: pause, image: "registry.k8s.io/pause:3.10.2"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`

// members are the names of the members of etcd, as the one on h tells.
func members(t *testing.T, h *lab.Host) []string {
	t.Helper()
	const certs = "/etc/kubernetes/pki/etcd"
	out := run(t, h, "curl", "--silent", "--show-error", "--fail", "--cacert", certs+"/ca.crt", "--cert", certs+"/server.crt", "--key", certs+"/server.key",
		"--data", "{}", fmt.Sprintf("https://%s:2379/v3/cluster/member/list", h.IP))
	var names []string
	for _, part := range strings.Split(out, `"name":"`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
