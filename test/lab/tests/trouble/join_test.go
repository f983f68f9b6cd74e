//go:build lab

package trouble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// shared are the variables of a cluster that more control planes can join.
func shared(first site) string {
	return fmt.Sprintf("\ncontrol_plane_endpoint = %q\nupload_certs = true\n", first.IP+":6443")
}

// output answers what the last apply of a pipeline has given.
func (s site) output(pipeline, name string) string {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), append([]string{"clusterflow", "output", pipeline, name}, withVariables()...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// reset takes the host out of its cluster, and demands that nothing of it is left.
func (s site) reset() {
	s.t.Helper()
	if out, code := s.clusterflow("apply", "reset.hcl", "--auto-approve"); code != 0 {
		s.t.Fatalf("reset: exit code %d\n%s", code, out)
	}
	if left := s.shell("find /etc/kubernetes /var/lib/kubelet -type f 2>/dev/null || true; crictl pods --quiet"); left != "" {
		s.t.Errorf("%s: left behind:\n%s", s.Name, left)
	}
	s.unchanged("reset.hcl")
}

// wantReady demands that the API server on this host is ready.
func (s site) wantReady() {
	s.t.Helper()
	s.kubectl("--server", "https://"+s.IP+":6443", "get", "--raw", "/readyz")
}

// wantNodes demands that these are the nodes, by the API server on this host.
func (s site) wantNodes(want ...string) {
	s.t.Helper()
	got := strings.ReplaceAll(s.kubectl("--server", "https://"+s.IP+":6443", "get", "nodes", "-o", "name"), "node/", "")
	if got != strings.Join(want, "\n")+"\n" {
		s.t.Errorf("nodes are %q, want %q", got, want)
	}
}

// TestSelfHostedJoins lets a host join a cluster that runs its own control plane,
// change over, leave, come again, and go on without the first one.
func TestSelfHostedJoins(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2, Images: true})
	s, second := install(t, l.Host("n1")), install(t, l.Host("n2"))
	s.init(sharing + shared(s))
	pivot := func(s site) {
		t.Helper()
		if out, code := s.clusterflow("apply", "self-hosted.hcl", "--auto-approve"); code != 0 {
			t.Fatalf("exit code %d\n%s", code, out)
		}
		if got := s.shell("ls /etc/kubernetes/manifests"); got != "etcd.yaml\n" {
			t.Errorf("%s: manifests after the pivot: %q, want etcd.yaml alone", s.Name, got)
		}
	}
	pivot(s)
	command := s.output("init.hcl", "join_command_control_plane")
	second.shell(command)
	s.wantNodes("n1", "n2")
	second.wantReady()
	pivot(second)
	s.unchanged("self-hosted.hcl")

	second.reset()
	s.wantNodes("n1")
	s.wantReady()
	second.shell(command)
	s.wantNodes("n1", "n2")
	pivot(second)

	s.reset()
	second.wantReady()
	second.wantNodes("n2")
}
