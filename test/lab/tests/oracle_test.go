//go:build lab

package tests

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
	"github.com/clusterflow/clusterflow/test/lab/oracle"
)

// TestOracle gives the same configuration to kubeadm and to clusterflow, one
// after the other on the same host, and compares everything they make of it.
func TestOracle(t *testing.T) {
	plain := []oracle.Allowed{
		{Fact: `file /var/lib/etcd: mode`, Reason: "a data directory that is there becomes 0700, as a new one"},
		{Fact: `object Secret kube-system/bootstrap-token-JOIN: \.data\.description`, Reason: "a token says who made it"},
	}
	tests := map[string]struct {
		config               string
		kubeadm, clusterflow []string // more arguments
		allowed              []oracle.Allowed
	}{
		"default":    {config: "default.yaml", allowed: plain},
		"dual stack": {config: "dual.yaml", allowed: plain},
		"rich": {
			config: "rich.yaml", kubeadm: []string{"--upload-certs"}, clusterflow: []string{"--var", "upload_certs=true"},
		},
	}
	l := labtest.Up(t, lab.Options{Images: true, Kubeadm: true})
	h := l.Host("n1")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			config, err := os.ReadFile("testdata/" + tt.config)
			if err != nil {
				t.Fatal(err)
			}
			want := madeBy(ctx, t, h, string(config), append([]string{"kubeadm", "init", "--config", "/root/kubeadm.yaml"}, tt.kubeadm...))
			got := madeBy(ctx, t, h, string(config),
				strings.Fields("clusterflow import /root/kubeadm.yaml --with-secrets --out /root/lab.hclvars"),
				append(strings.Fields("clusterflow apply init.hcl --auto-approve --var-file /root/lab.hclvars"), tt.clusterflow...))
			files, objects := want.Count()
			all := oracle.Diff(want, got)
			t.Logf("kubeadm made %d facts of files and %d of objects; clusterflow differs in %d", files, objects, len(all))
			forbidden, idle := oracle.Judge(all, append(alwaysAllowed(), tt.allowed...))
			for _, d := range forbidden {
				t.Errorf("differs without a reason: %s", d)
			}
			for _, a := range idle {
				t.Errorf("nothing differs any more in %s: take it out of here and of docs/kubeadm-differences.md", a.Fact)
			}
		})
	}
}

// alwaysAllowed are the differences that do not depend on the configuration.
func alwaysAllowed() []oracle.Allowed {
	return []oracle.Allowed{
		{
			Fact:   `file /etc/kubernetes/manifests/[a-z-]+\.yaml: \.metadata\.annotations\.clusterflow\.github\.io/digest`,
			Reason: "changed files roll the pod, and a wait knows the new pod",
		},
		{
			Fact:   `object DaemonSet kube-system/kube-proxy: \.spec\.template\.metadata\.annotations\.clusterflow/config-hash`,
			Reason: "kube-proxy follows its configuration",
		},
		{
			Fact:   `object Deployment kube-system/coredns: \.spec\.template\.spec\.containers\[0\]\.readinessProbe\.(periodSeconds|failureThreshold)`,
			Reason: "CoreDNS is asked more often, so it is ready sooner",
		},
		{
			Fact:   `object CertificateSigningRequest csr-RANDOM: .*`,
			Reason: "the kubelet's certificate is stored before its first start, so it has no reason to ask for another at once",

			Sometimes: true, // kubeadm's kubelet asks after a random time
		},
	}
}

// madeBy wipes h, runs commands that make a cluster, and answers what there is once it works.
func madeBy(ctx context.Context, t *testing.T, h *lab.Host, config string, commands ...[]string) oracle.Facts {
	t.Helper()
	if err := h.Wipe(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := h.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.Put(ctx, "/root/kubeadm.yaml", 0o600, strings.NewReader(config)); err != nil {
		t.Fatal(err)
	}
	for _, args := range commands {
		began := time.Now()
		if _, err := h.Run(ctx, args...); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s took %.1fs", strings.Join(args, " "), time.Since(began).Seconds())
	}
	return factsOf(ctx, t, h)
}

// factsOf are the facts of h once its cluster works.
func factsOf(ctx context.Context, t *testing.T, h *lab.Host) oracle.Facts {
	t.Helper()
	if err := h.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	const signed = "until kubectl -n kube-public get configmap cluster-info -o yaml | grep -q jws-kubeconfig-; do sleep 0.2; done"
	if _, err := h.Shell(ctx, signed); err != nil {
		t.Fatal(err)
	}
	facts, err := oracle.Of(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}
