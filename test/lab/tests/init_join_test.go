//go:build lab

package tests

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestKubeadmJoinsInit lets kubeadm join a cluster that clusterflow made, with the command as it was printed.
func TestKubeadmJoinsInit(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2, Images: true, Kubeadm: true})
	n1, n2 := l.Host("n1"), l.Host("n2")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	if _, err := n1.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	out := apply(ctx, t, n1, lab.Variables, "init.hcl")
	var command []string
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "kubeadm" && words[1] == "join" {
			command = words
		}
	}
	if command == nil {
		t.Fatalf("apply printed no kubeadm join command:\n%s", out)
	}
	if _, err := n2.Run(ctx, append(command, "--ignore-preflight-errors", lab.KubeadmIgnore)...); err != nil {
		t.Fatal(err)
	}
	if err := n1.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	if got := run(t, n1, "kubectl", "get", "nodes", "--output=name"); got != "node/n1\nnode/n2\n" {
		t.Errorf("nodes are %q, want n1 and n2", got)
	}
	if got := changes(ctx, t, n1, lab.Variables); len(got) > 0 {
		t.Errorf("after kubeadm join there is to change on n1: %q", got)
	}
}
