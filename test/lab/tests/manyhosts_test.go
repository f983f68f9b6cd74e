//go:build lab

package tests

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestManyHosts makes a cluster of three control planes and two workers behind a
// balancer. Its first control plane, which leads etcd, and a worker leave and come
// again, the worker by a discovery file. Meanwhile no request to those that stay is lost, and a Deployment goes on.
func TestManyHosts(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 5, Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	n1, n2, n3, n4, n5 := l.Host("n1"), l.Host("n2"), l.Host("n3"), l.Host("n4"), l.Host("n5")
	bare := map[*lab.Host][]string{}
	for _, h := range l.Hosts {
		install(ctx, t, h)
		bare[h] = remains(ctx, t, h)
	}
	startBalancer(t, l, n1, n2, n3)
	variables := lab.Variables + fmt.Sprintf("control_plane_endpoint = %q\nupload_certs = true\n", balancerAddress)
	apply(ctx, t, n1, variables, "init.hcl")
	wantMembers(t, n1, "n1")
	first := startProbe(t, probeClient(t, n1, n4), "n1 while others join", n1.IP+":6443")
	worker, control := output(ctx, t, n1, variables, "init.hcl", "join_command"), output(ctx, t, n1, variables, "init.hcl", "join_command_control_plane")
	joinAll(ctx, t, map[*lab.Host]string{n2: control, n3: control, n4: worker, n5: worker})
	if err := n2.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	first.wantNoneLost(t)
	wantMembers(t, n2, "n1", "n2", "n3")
	wantNodes(t, n2, "n1", "n2", "n3", "n4", "n5")

	client := probeClient(t, n2, n4)
	web := deploy(ctx, t, n2, client)
	stay := []*probe{startProbe(t, client, "n2", n2.IP+":6443"), startProbe(t, client, "n3", n3.IP+":6443")}
	others := []*probe{startProbe(t, client, "balancer", balancerAddress), startProbe(t, client, "Service kubernetes", "10.96.0.1:443")}
	leadEtcd(ctx, t, n1)
	reset(ctx, t, n1)
	wantLed(t, n2, n1)
	wantMembers(t, n2, "n2", "n3")
	wantNodes(t, n2, "n2", "n3", "n4", "n5")
	wantRemains(ctx, t, n1, bare[n1])

	giveAdmin(ctx, t, n2, n5)
	reset(ctx, t, n5, "--var kubeconfig=/root/admin.conf")
	wantNodes(t, n2, "n2", "n3", "n4")
	wantRemains(ctx, t, n5, bare[n5])

	apply(ctx, t, n2, uploadCerts, "token.hcl")
	worker, control = output(ctx, t, n2, uploadCerts, "token.hcl", "join_command"), output(ctx, t, n2, uploadCerts, "token.hcl", "join_command_control_plane")
	joinAll(ctx, t, map[*lab.Host]string{n1: control, n5: byURL(ctx, t, l, n2, n5, worker)})
	wantMembers(t, n1, "n1", "n2", "n3")
	wantNodes(t, n1, "n1", "n2", "n3", "n4", "n5")
	for _, p := range stay {
		p.wantNoneLost(t)
	}
	for _, p := range others { // which also led to the node that left
		report, _, _ := p.stop()
		t.Log(report)
	}
	web.wantKept(t)
}

// byURL changes a join command so that h finds the cluster by a file behind a URL.
func byURL(ctx context.Context, t *testing.T, l *lab.Lab, first, h *lab.Host, command string) string {
	t.Helper()
	const address, name = lab.Gateway + ":8443", "example.com" // the name in the certificate of httptest
	file := run(t, first, "kubectl", "get", "configmap", "cluster-info", "--namespace=kube-public", "--output=jsonpath={.data.kubeconfig}")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, file) }))
	listener, err := l.Listen(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = listener
	server.StartTLS()
	t.Cleanup(server.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := h.Put(ctx, "/etc/ssl/certs/lab.pem", 0o644, bytes.NewReader(cert)); err != nil {
		t.Fatal(err)
	}
	run(t, h, "sh", "-c", "echo "+lab.Gateway+" "+name+" >>/etc/hosts")
	return regexp.MustCompile(`--var endpoint=\S+`).ReplaceAllString(command, "--var discovery_file=https://"+name+":8443/cluster.conf")
}

// wantMembers demands that these are the members of etcd, and all vote.
func wantMembers(t *testing.T, h *lab.Host, want ...string) {
	t.Helper()
	wantVoters(t, h, len(want))
	if got := members(t, h); !slices.Equal(got, want) {
		t.Errorf("members of etcd are %q, want %q", got, want)
	}
}

// wantNodes demands that these are the nodes of the cluster.
func wantNodes(t *testing.T, h *lab.Host, want ...string) {
	t.Helper()
	got := strings.Fields(strings.ReplaceAll(run(t, h, "kubectl", "get", "nodes", "--output=name"), "node/", ""))
	if !slices.Equal(got, want) {
		t.Errorf("nodes are %q, want %q", got, want)
	}
}

// wantLed demands that others than gone lead soon: before its Leases, which last 15 s,
// would have run out.
func wantLed(t *testing.T, h, gone *lab.Host) {
	t.Helper()
	began := time.Now()
	const script = `for lease in kube-controller-manager kube-scheduler; do
  until kubectl --namespace=kube-system get lease "$lease" --output=jsonpath='{.spec.holderIdentity}' | grep -v "^$0_" | grep -q _; do sleep 0.2; done
done`
	run(t, h, "timeout", "10", "sh", "-euc", script, gone.Name)
	t.Logf("others than %s led after %.1fs", gone.Name, time.Since(began).Seconds())
}

// leadEtcd makes the member on h the leader of etcd.
func leadEtcd(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	const script = `
ask() { curl --silent --show-error --fail --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key --data "$2" "https://$1:2379/v3/maintenance/$3"; }
field() { sed "s/.*\"$1\":\"\([0-9]*\)\".*/\1/"; }
id=$(ask "$0" '{}' status | field member_id)
for server; do ask "$server" "{\"targetID\": \"$id\"}" transfer-leadership >/dev/null 2>&1 || true; done
leader=$(ask "$0" '{}' status | field leader)
[ "$leader" = "$id" ] || { echo "the leader is $leader, want $id" >&2; exit 1; }`
	args := append([]string{"sh", "-euc", script, h.IP}, members(t, h)...) // the hosts know each other by name
	if out, err := h.Run(ctx, args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
