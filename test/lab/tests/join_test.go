//go:build lab

package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// joinVariables are those of hosts that join: the rest comes from the cluster.
const joinVariables = `ignore_preflight_errors = ["` + lab.KubeadmIgnore + `"]` + "\n"

// uploadCerts is what token.hcl needs for control planes.
const uploadCerts = "upload_certs = true\n"

// secret is the part of a token behind the dot.
var secret = regexp.MustCompile(`\.[a-z0-9]{16}\b`)

// TestJoin has clusterflow alone: two control planes and a worker join at the same
// second. A second apply changes nothing, though by then no token is valid.
func TestJoin(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 4, Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n1, n2, n3, n4 := l.Host("n1"), l.Host("n2"), l.Host("n3"), l.Host("n4")
	for _, h := range l.Hosts {
		install(ctx, t, h)
	}
	variables := lab.Variables + fmt.Sprintf("control_plane_endpoint = %q\nupload_certs = true\n", n1.IP+":6443")
	apply(ctx, t, n1, variables, "init.hcl")
	worker, control := output(ctx, t, n1, variables, "init.hcl", "join_command"), output(ctx, t, n1, variables, "init.hcl", "join_command_control_plane")

	joins := map[*lab.Host]string{n2: control, n3: control, n4: worker}
	joinAll(ctx, t, joins)
	if err := n1.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	wantVoters(t, n1, 3)
	for _, h := range l.Hosts[1:] {
		if found, _ := h.Shell(ctx, "grep -rl -- '"+secret.FindString(worker)[1:]+"' /etc/kubernetes /var/lib/kubelet /var/lib/clusterflow /run /tmp || true"); found != "" {
			t.Errorf("%s: the token is still in\n%s", h.Name, found)
		}
	}
	run(t, n1, "sh", "-c", "kubectl -n kube-system delete secret --field-selector type=bootstrap.kubernetes.io/token; kubectl -n kube-system delete secret kubeadm-certs --ignore-not-found")
	for h, command := range joins {
		if out, err := h.Shell(ctx, withVariables(strings.Replace(command, "apply join --auto-approve", "plan join --detailed-exitcode", 1))); err != nil {
			t.Errorf("%s: there is still to change: %v\n%s", h.Name, err, out)
		}
	}
	t.Run("late Node", func(t *testing.T) { testLateNode(ctx, t, n1, n4) })
	t.Run("tokens", func(t *testing.T) { testTokens(ctx, t, n1, n2, n4) })
}

// TestJoinKubeadm joins a cluster that kubeadm made, with a token made on it.
func TestJoinKubeadm(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 3, Images: true, Kubeadm: true})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n1, n2, n3 := l.Host("n1"), l.Host("n2"), l.Host("n3")
	for _, h := range l.Hosts {
		if _, err := h.InstallClusterflow(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := n1.KubeadmInit(ctx); err != nil {
		t.Fatal(err)
	}
	apply(ctx, t, n1, uploadCerts, "token.hcl")
	joinAll(ctx, t, map[*lab.Host]string{
		n2: output(ctx, t, n1, uploadCerts, "token.hcl", "join_command_control_plane"),
		n3: output(ctx, t, n1, uploadCerts, "token.hcl", "join_command"),
	})
	if err := n1.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	wantVoters(t, n1, 2)
	if tokens := output(ctx, t, n1, uploadCerts, "token.hcl", "tokens"); !strings.Contains(tokens, "signing,authentication") {
		t.Errorf("tokens are listed as %q", tokens)
	}
}

// TestKubeadmJoins lets kubeadm join a cluster that clusterflow made.
func TestKubeadmJoins(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 3, Images: true, Kubeadm: true})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n1 := l.Host("n1")
	if _, err := n1.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	apply(ctx, t, n1, lab.Variables+fmt.Sprintf("control_plane_endpoint = %q\n", n1.IP+":6443"), "init.hcl")
	apply(ctx, t, n1, uploadCerts, "token.hcl")
	for host, name := range map[string]string{"n2": "kubeadm_join_command", "n3": "kubeadm_join_command_control_plane"} {
		command := output(ctx, t, n1, uploadCerts, "token.hcl", name)
		if out, err := l.Host(host).Shell(ctx, command+" --ignore-preflight-errors "+lab.KubeadmIgnore); err != nil {
			t.Fatalf("%s: %v\n%s", host, err, out)
		}
	}
	if err := n1.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	wantVoters(t, n1, 2)
}

// joinAll runs the printed commands on their hosts, all at once.
func joinAll(ctx context.Context, t *testing.T, commands map[*lab.Host]string) {
	t.Helper()
	var group sync.WaitGroup
	for h, command := range commands {
		group.Go(func() {
			began := time.Now()
			if err := h.Put(ctx, "/root/join.hclvars", 0o600, strings.NewReader(joinVariables)); err != nil {
				t.Error(err)
				return
			}
			out, err := h.Shell(ctx, withVariables(command))
			if err != nil {
				t.Errorf("%s: %v\n%s", h.Name, err, out)
			}
			t.Logf("%s joined in %.1fs", h.Name, time.Since(began).Seconds())
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// withVariables adds what hosts of a lab need.
func withVariables(command string) string {
	return "printf '%s' '" + joinVariables + "' >/root/join.hclvars && " + command + " --var-file /root/join.hclvars"
}

// output answers a string that a pipeline has given.
func output(ctx context.Context, t *testing.T, h *lab.Host, variables, pipeline, name string) string {
	t.Helper()
	out, err := h.Clusterflow(ctx, variables, "output", pipeline, name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// wantVoters demands that many members of etcd, all of which vote.
func wantVoters(t *testing.T, h *lab.Host, want int) {
	t.Helper()
	const ask = `curl --silent --show-error --fail --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt ` +
		`--key /etc/kubernetes/pki/etcd/healthcheck-client.key --data '{}' https://127.0.0.1:2379/v3/cluster/member/list`
	var list struct {
		Members []struct {
			Name      string
			IsLearner bool
		}
	}
	text := run(t, h, "sh", "-c", ask)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	voters := 0
	for _, m := range list.Members {
		if !m.IsLearner && m.Name != "" {
			voters++
		}
	}
	if voters != want || len(list.Members) != want {
		t.Errorf("etcd has %s, want %d voters", text, want)
	}
}
