//go:build lab

package tests

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// secondApply is how long an apply that changes nothing may take: 3 s.
const secondApply = 3 * time.Second

// TestInit makes a cluster of a bare host with the built-in pipeline, then
// changes it; and another one with the pipeline as a file of the archive.
func TestInit(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2, Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n1, n2 := l.Host("n1"), l.Host("n2")
	install(ctx, t, n1)
	apply(ctx, t, n1, lab.Variables, "init.hcl")
	checkCluster(ctx, t, n1)

	t.Run("second apply", func(t *testing.T) {
		apply(ctx, t, n1, lab.Variables, "init.hcl") // also a warm-up: the host has just started its pods
		began := time.Now()
		apply(ctx, t, n1, lab.Variables, "init.hcl")
		took := time.Since(began)
		t.Logf("the second apply took %.2fs", took.Seconds())
		if took > secondApply {
			t.Errorf("the second apply took %s, want at most %s", took, secondApply)
		}
		if got := changes(ctx, t, n1, lab.Variables); len(got) > 0 {
			t.Errorf("after apply there is still to change: %q", got)
		}
	})
	t.Run("changes", func(t *testing.T) { testChanges(ctx, t, n1) })
	t.Run("nothing pulled", func(t *testing.T) {
		if requests := l.Registry.Requests(); len(requests) > 0 {
			t.Errorf("a host with images asked the registry: %q", requests)
		}
	})
	t.Run("file", func(t *testing.T) {
		dir := install(ctx, t, n2)
		apply(ctx, t, n2, lab.Variables, dir+"/pipelines/init.hcl")
		if err := n2.WaitForCluster(ctx); err != nil {
			t.Error(err)
		}
	})
}

// checkCluster waits for all pods, and looks a name up in a pod.
func checkCluster(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	if err := h.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	want := []string{"coredns", "coredns", "etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"}
	var got []string
	for _, pod := range strings.Fields(run(t, h, "kubectl", "get", "pods", "-A", "-o", "jsonpath={.items[*].metadata.name}")) {
		i := slices.IndexFunc(want, func(name string) bool { return strings.HasPrefix(pod, name+"-") })
		if i < 0 {
			t.Errorf("there is a pod %s that nobody asked for", pod)
			continue
		}
		got = append(got, want[i])
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("pods are %q, want %q", got, want)
	}
	if got := lookUpInPod(ctx, t, h, "kubernetes.default"); !strings.HasPrefix(got, "10.96.0.1 ") {
		t.Errorf("a pod that looks up kubernetes.default finds %q, want 10.96.0.1", got)
	}
}

// lookUpInPod runs a pod on the control-plane node h that asks for name as any
// program would. Its image is one that the host has, its tools are the host's.
func lookUpInPod(ctx context.Context, t *testing.T, h *lab.Host, name string) string {
	t.Helper()
	pod := strings.ReplaceAll(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lookup", "namespace": "default"}, "spec": {
  "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}],
  "containers": [{"name": "lookup", "image": "registry.k8s.io/kube-proxy:v1.36.3", "command": ["getent", "hosts", "NAME"],
    "volumeMounts": [{"name": "usr", "mountPath": "/usr", "readOnly": true}]}],
  "volumes": [{"name": "usr", "hostPath": {"path": "/usr"}}]}}`, "NAME", name)
	if err := h.Put(ctx, "/root/lookup.json", 0o600, strings.NewReader(pod)); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"kubectl create -f /root/lookup.json",
		"kubectl wait pod lookup --for=jsonpath={.status.phase}=Succeeded --timeout=2m",
	} {
		if _, err := h.Run(ctx, strings.Fields(args)...); err != nil {
			t.Errorf("%v\n%s", err, run(t, h, "kubectl", "describe", "pod", "lookup"))
		}
	}
	out := run(t, h, "kubectl", "logs", "lookup")
	run(t, h, "kubectl", "delete", "pod", "lookup", "--now")
	return out
}

// testChanges changes one variable after the other; each re-does what depends on it and no more.
func testChanges(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	variables := lab.Variables
	for _, change := range []struct {
		name, add string
		plan      []string // what is certain beforehand
		want      []string // what apply changes
		check     func(t *testing.T)
	}{
		{
			name: "extra name", add: `apiserver_cert_extra_sans = ["api.example.com"]`,
			plan:  []string{`module.certs.phase.leaf["apiserver"]`, `module.upload_config.phase.config`},
			want:  []string{`module.certs.phase.leaf["apiserver"]`, `module.upload_config.phase.config`},
			check: func(t *testing.T) { t.Helper(); wantServedName(ctx, t, h, "api.example.com") },
		},
		{
			name: "argument of the API server", add: `apiserver = { extra_args = [{ name = "goaway-chance", value = "0.001" }] }`,
			plan:  []string{`module.control_plane.phase.apiserver`},
			want:  []string{`module.control_plane.phase.apiserver`, `module.upload_config.phase.config`, `phase.wait_control_plane`},
			check: func(t *testing.T) { t.Helper(); wantArgument(t, h, "kube-apiserver", "--goaway-chance=0.001") },
		},
		{
			name: "argument of the scheduler", add: `scheduler = { extra_args = [{ name = "v", value = "1" }] }`,
			plan:  []string{`module.control_plane.phase.scheduler`},
			want:  []string{`module.control_plane.phase.scheduler`, `module.upload_config.phase.config`, `phase.wait_control_plane`},
			check: func(t *testing.T) { t.Helper(); wantArgument(t, h, "kube-scheduler", "--v=1") },
		},
	} {
		t.Run(change.name, func(t *testing.T) {
			variables += change.add + "\n"
			if got := changes(ctx, t, h, variables); !slices.Equal(got, change.plan) {
				t.Errorf("plan changes %q\nwant %q", got, change.plan)
			}
			if got := applied(ctx, t, h, variables, "init.hcl"); !slices.Equal(got, change.want) {
				t.Errorf("apply changed %q\nwant %q", got, change.want)
			}
			change.check(t)
			if err := h.WaitForCluster(ctx); err != nil { // others lose their lease while the API server is down, and start again
				t.Fatal(err)
			}
			if got := changes(ctx, t, h, variables); len(got) > 0 {
				t.Errorf("after apply there is still to change: %q", got)
			}
		})
	}
}

// wantArgument demands that the one running container of a component has an argument.
func wantArgument(t *testing.T, h *lab.Host, component, argument string) {
	t.Helper()
	running := run(t, h, "pgrep", "--exact", "--full", "--list-full", component+" .*")
	if strings.Count(running, "\n") != 1 || !slices.Contains(strings.Fields(running), argument) {
		t.Errorf("running is %q, want one %s with %s", running, component, argument)
	}
}

// wantServedName demands that the API server's certificate gets a name, which it reads anew each minute.
func wantServedName(ctx context.Context, t *testing.T, h *lab.Host, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		names := servedNames(ctx, t, h)
		if slices.Contains(names, name) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the API server's certificate has the names %q, want %s among them", names, name)
		case <-tick.C:
		}
	}
}

func servedNames(ctx context.Context, t *testing.T, h *lab.Host) []string {
	t.Helper()
	conn, err := h.Dial(ctx, "tcp", h.IP+":6443")
	if err != nil {
		t.Fatal(err)
	}
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	defer client.Close()
	if err := client.HandshakeContext(ctx); err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState().PeerCertificates[0].DNSNames
}
