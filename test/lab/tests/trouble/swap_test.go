//go:build lab

package trouble

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

const externalEtcd = `
external_etcd = {
  endpoints = ["https://10.99.0.12:2379"]
  ca_file   = "/etc/etcd/ca.crt"
  cert_file = "/etc/etcd/client.crt"
  key_file  = "/etc/etcd/client.key"
}
`

// startEtcd runs etcd as others would, with TLS for clients.
const startEtcd = `
systemd-run --quiet --unit=etcd --property=Type=notify etcd --data-dir /var/lib/etcd --listen-client-urls https://10.99.0.12:2379 \
	--advertise-client-urls https://10.99.0.12:2379 --client-cert-auth --trusted-ca-file /etc/etcd/ca.crt \
	--cert-file /etc/etcd/server.crt --key-file /etc/etcd/server.key
`

// TestExternalEtcd makes a cluster of two control planes with an etcd on a host of
// its own, which keeps its data when they leave.
func TestExternalEtcd(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 3, Images: true})
	s, store, second := install(t, l.Host("n1")), site{l.Host("n2"), t}, install(t, l.Host("n3"))
	for name, content := range authority(t).files(t, store.IP) {
		s.put("/etc/etcd/"+name, content)
		store.put("/etc/etcd/"+name, content)
	}
	store.program("etcd")

	external := externalEtcd + shared(s)
	out, code := s.apply("init.hcl", external)
	if code != 1 {
		t.Errorf("without the etcd: exit code %d, want 1", code)
	}
	wants(t, out, "check ExternalEtcdVersion: etcd at https://10.99.0.12:2379 does not tell its version", "connection refused", "Is etcd running there")
	store.shell(startEtcd)
	s.init(external)
	s.unchanged("init.hcl", withVariables()...)
	if got := s.shell("ls /etc/kubernetes/manifests"); strings.Contains(got, "etcd") {
		t.Errorf("there is an etcd on the host: %s", got)
	}
	if got := s.kubectl("get", "--raw", "/readyz?verbose"); !strings.Contains(got, "[+]etcd ok") {
		t.Errorf("API server: %s", got)
	}
	config := s.kubectl("get", "configmap", "-n", "kube-system", "kubeadm-config", "-o", "jsonpath={.data.ClusterConfiguration}")
	wants(t, config, "external:", "https://10.99.0.12:2379", "/etc/etcd/client.key")
	s.waitFor("node to be ready", "kubectl wait node n1 --for=condition=Ready --timeout=1s")

	command := s.output("init.hcl", "join_command_control_plane")
	second.shell(command)
	s.wantNodes("n1", "n3")
	second.wantReady()
	if got := second.shell("ls /etc/kubernetes/manifests /etc/kubernetes/pki"); strings.Contains(got, "etcd.yaml") || strings.Contains(got, "apiserver-etcd-client") {
		t.Errorf("there is an etcd on the second host: %s", got)
	}
	second.reset()
	s.wantNodes("n1")
	s.wantReady()
	second.shell(command)
	s.wantNodes("n1", "n3")

	s.reset() // the first one; the second goes on behind an address of its own
	second.wantReady()
	second.wantNodes("n3")
	second.reset()
	if got := store.shell(countKeys); !strings.Contains(got, `"count"`) {
		t.Errorf("the data of the etcd of others is gone: %s", got)
	}
}

// countKeys asks the etcd of others how many objects it has; none is not told.
const countKeys = `curl --silent --show-error --fail --cacert /etc/etcd/ca.crt --cert /etc/etcd/client.crt --key /etc/etcd/client.key \
	--data '{"key": "L3JlZ2lzdHJ5Lw==", "range_end": "L3JlZ2lzdHJ5MA==", "count_only": true}' https://10.99.0.12:2379/v3/kv/range`

const sharing = `
apiserver          = { extra_args = [{ name = "permit-port-sharing", value = "true" }] }
controller_manager = { extra_args = [{ name = "permit-port-sharing", value = "true" }] }
scheduler          = { extra_args = [{ name = "permit-port-sharing", value = "true" }] }
`

// TestSelfHosted lets a cluster run its own control plane, and back.
func TestSelfHosted(t *testing.T) {
	l := labtest.Up(t, lab.Options{Images: true})
	s := install(t, l.Host("n1"))
	s.init("")
	out, code := s.clusterflow("apply", "self-hosted.hcl", "--auto-approve")
	if code != 1 {
		t.Errorf("without shared ports: exit code %d, want 1", code)
	}
	wants(t, out, "kube-apiserver does not share its port", `Add { name = "permit-port-sharing", value = "true" } to extra_args`)

	s.init(sharing)
	if out, code := s.clusterflow("apply", "self-hosted.hcl", "--auto-approve"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	components := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	if got := s.shell("ls /etc/kubernetes/manifests"); got != "etcd.yaml\n" {
		t.Errorf("manifests after the pivot: %q, want etcd.yaml alone", got)
	}
	s.wantPods(components, "self-hosted-")
	s.unchanged("self-hosted.hcl")
	s.unchanged("init.hcl", withVariables()...)

	before := s.shell("crictl ps -q --label io.kubernetes.pod.namespace=kube-system | sort")
	s.shell("systemctl restart kubelet")
	s.waitFor("kubelet to answer", "curl -sf http://127.0.0.1:10248/healthz")
	s.waitFor("node to be ready", "kubectl wait node n1 --for=condition=Ready --timeout=1s")
	s.wantPods(components, "self-hosted-")
	if after := s.shell("crictl ps -q --label io.kubernetes.pod.namespace=kube-system | sort"); after != before {
		t.Errorf("a restart of the kubelet restarted containers: before\n%safter\n%s", before, after)
	}

	if out, code := s.clusterflow("undo", "self-hosted.hcl", "--auto-approve"); code != 0 {
		t.Fatalf("undo: exit code %d\n%s", code, out)
	}
	s.wantPods(components, "")
	if got := s.kubectl("get", "daemonsets", "-n", "kube-system", "-o", "name"); got != "daemonset.apps/kube-proxy\n" {
		t.Errorf("DaemonSets after undo: %q, want kube-proxy alone", got)
	}
	s.unchanged("init.hcl", withVariables()...)
}

// wantPods demands that of each component one pod runs, whose name begins with prefix.
func (s site) wantPods(components []string, prefix string) {
	s.t.Helper()
	s.kubectl("get", "--raw", "/readyz")
	pods := strings.Fields(s.kubectl("get", "pods", "-n", "kube-system", "-o", `jsonpath={range .items[?(@.status.phase=="Running")]}{.metadata.name} {end}`))
	for _, component := range components {
		var found []string
		for _, pod := range pods {
			if strings.Contains(pod, component) {
				found = append(found, pod)
			}
		}
		if len(found) != 1 || !strings.HasPrefix(found[0], prefix+component) {
			s.t.Errorf("pods of %s are %q, want one that begins with %s", component, found, prefix+component)
		}
	}
}

// waitFor runs a script again and again until it succeeds.
func (s site) waitFor(what, script string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), settleWithin)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		_, err := s.Shell(ctx, script)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("wait for %s: %v", what, err)
		case <-tick.C:
		}
	}
}
