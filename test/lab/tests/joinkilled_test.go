//go:build lab

package tests

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestJoinKilled kills the join of a control plane while it has its turn and its
// etcd is a learner. Another one goes on without it, and it can join later.
func TestJoinKilled(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 3, Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	n1, n2, n3 := l.Host("n1"), l.Host("n2"), l.Host("n3")
	for _, h := range l.Hosts {
		install(ctx, t, h)
	}
	variables := lab.Variables + fmt.Sprintf("control_plane_endpoint = %q\nupload_certs = true\n", n1.IP+":6443")
	apply(ctx, t, n1, variables, "init.hcl")
	control := output(ctx, t, n1, variables, "init.hcl", "join_command_control_plane")
	killWhen(ctx, t, n2, "/etc/kubernetes/manifests/etcd.yaml", func(ctx context.Context) error {
		_, err := n2.Shell(ctx, withVariables(control))
		return err
	})
	joinAll(ctx, t, map[*lab.Host]string{n3: control})
	wantMembers(t, n1, "n1", "n3")
	reset(ctx, t, n2)
	wantMembers(t, n1, "n1", "n3")
	joinAll(ctx, t, map[*lab.Host]string{n2: control})
	wantMembers(t, n1, "n1", "n2", "n3")
	wantNodes(t, n1, "n1", "n2", "n3")
}
