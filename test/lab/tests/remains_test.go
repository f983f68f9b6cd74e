//go:build lab

package tests

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/test/lab"
)

// listing shows what a node of a cluster leaves on a host. Left out are tables of
// the packet filter without rules, which iptables makes and never removes, and
// empty directories of /etc/kubernetes, which the kubelet's package has.
const listing = `set +e
find /etc/kubernetes -type f 2>/dev/null
find /var/lib/kubelet /var/lib/etcd /var/lib/cni /etc/cni -mindepth 1 2>/dev/null
awk '{print "mount", $2, $3}' /proc/mounts
ip -brief link | awk '{print "interface", $1}'
for t in iptables ip6tables; do $t-save | grep -v '^#\|^\*\|^COMMIT\|^:[A-Z]* ACCEPT' | sed "s/\[.*\]//; s/^/$t /"; done
nft list tables | grep -v 'ip6* \(nat\|filter\|mangle\)$'
crictl pods --quiet
crictl ps --all --quiet
`

// remains are the lines of the listing, sorted.
func remains(ctx context.Context, t *testing.T, h *lab.Host) []string {
	t.Helper()
	out, err := h.Shell(ctx, listing+"true")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(lines)
	return lines
}

// wantRemains demands that there is what there was, no more and no less.
func wantRemains(ctx context.Context, t *testing.T, h *lab.Host, want []string) {
	t.Helper()
	got := remains(ctx, t, h)
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: left behind: %s", h.Name, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: gone, though it was there before: %s", h.Name, line)
		}
	}
}

// wantNothingToReset demands an empty plan.
func wantNothingToReset(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	out, err := h.Clusterflow(ctx, "", "plan", "reset.hcl", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var plan struct {
		Phases []struct{ Address, Action string }
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatal(err)
	}
	for _, phase := range plan.Phases {
		if phase.Action != "none" && phase.Action != "skip" {
			t.Errorf("%s: a second reset would %s %s", h.Name, phase.Action, phase.Address)
		}
	}
}
