//go:build lab

package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestIPv6 makes a cluster that knows no IPv4, with a worker that joins by the
// command as it was printed.
func TestIPv6(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2, Images: true, IPv6: true})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	n1, n2 := l.Host("n1"), l.Host("n2")
	for _, h := range l.Hosts {
		install(ctx, t, h)
	}
	own := func(h *lab.Host) string {
		return fmt.Sprintf("advertise_address = %q\nkubelet_extra_args = [{ name = \"node-ip\", value = %q }]\n", h.IP6(), h.IP6())
	}
	variables := strings.Replace(lab.Variables, lab.PodCIDR, lab.PodCIDR6, 1) + "service_subnet = \"fd00:10:96::/112\"\n" + own(n1)
	apply(ctx, t, n1, variables, "init.hcl")
	if err := n1.WaitForCluster(ctx); err != nil {
		t.Fatal(err)
	}
	if got := changes(ctx, t, n1, variables); len(got) > 0 {
		t.Errorf("after apply there is still to change: %q", got)
	}
	if got := lookUpInPod(ctx, t, n1, "kubernetes.default"); !strings.HasPrefix(got, "fd00:10:96::1 ") {
		t.Errorf("a pod that looks up kubernetes.default finds %q, want fd00:10:96::1", got)
	}

	command := output(ctx, t, n1, variables, "init.hcl", "join_command")
	if err := n2.Put(ctx, "/root/own.hclvars", 0o600, strings.NewReader(joinVariables+own(n2))); err != nil {
		t.Fatal(err)
	}
	if out, err := n2.Shell(ctx, command+" --var-file /root/own.hclvars"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addresses := run(t, n1, "kubectl", "get", "nodes", "-o", `jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}`)
	if want := n1.IP6() + " " + n2.IP6(); addresses != want {
		t.Errorf("nodes have the addresses %q, want %q", addresses, want)
	}
}
