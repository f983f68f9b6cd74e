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

const (
	// resetWithin is how long the reset of a single control plane may take: 3 s, and
	// as much again for a machine with too much to do.
	resetWithin = 6 * time.Second
	// These put rules and data on a host that are not Kubernetes', one of them with
	// the name of a chain of Kubernetes in its comment.
	foreignRules = `iptables -N MINE
iptables -A INPUT -p tcp --dport 9999 -m comment --comment "not -j KUBE-FIREWALL" -j MINE
nft add table inet mine`
	foreignFiles = `mkdir -p /etc/kubernetes/mine /var/lib/kubelet/seccomp /var/lib/cni/networks/podman
touch /etc/kubernetes/mine/file /var/lib/kubelet/seccomp/profile.json /var/lib/cni/networks/podman/10.88.0.2
printf '{"name": "podman"}' > /etc/cni/net.d/87-podman.conflist`
)

// TestReset resets hosts that clusterflow and kubeadm made, each into a state from
// which both begin anew.
func TestReset(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 1, Images: true, Kubeadm: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	n1 := l.Host("n1")
	if _, err := n1.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := n1.Shell(ctx, foreignRules+"\n"+foreignFiles); err != nil {
		t.Fatal(err)
	}
	bare := remains(ctx, t, n1)
	init := func(t *testing.T) {
		t.Helper()
		apply(ctx, t, n1, lab.Variables, "init.hcl")
	}
	initAgain := func(t *testing.T) {
		t.Helper()
		init(t)
		checkCluster(ctx, t, n1)
	}
	kubeadmReset := func(t *testing.T) {
		t.Helper()
		run(t, n1, "kubeadm", "reset", "--force")
	}
	clean := func(t *testing.T) {
		t.Helper()
		run(t, n1, "sh", "-euc", foreignFiles)
	}
	kubeadmInit := func(t *testing.T) {
		t.Helper()
		if err := n1.KubeadmInit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	resetAll := func(t *testing.T) {
		t.Helper()
		began := time.Now()
		out := reset(ctx, t, n1)
		if took := time.Since(began); took > resetWithin {
			t.Errorf("reset took %s, want at most %s", took, resetWithin)
		}
		if want := "the cluster ends with n1: it is the last node"; !strings.Contains(out, want) {
			t.Errorf("reset does not warn that %s:\n%s", want, out)
		}
		wantRemains(ctx, t, n1, bare)
		wantNothingToReset(ctx, t, n1)
	}
	resetBusy := func(t *testing.T) {
		t.Helper()
		testBusyMount(ctx, t, n1, bare)
	}
	for _, step := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"init", init},
		{"reset of init", resetAll},
		{"init again", initAgain},
		{"kubeadm reset of init", kubeadmReset},
		{"what kubeadm does not leave", clean},
		{"init after kubeadm reset", initAgain},
		{"reset of that with a busy mount", resetBusy},
		{"kubeadm init", kubeadmInit},
		{"reset of kubeadm init", resetAll},
		{"kubeadm init again", kubeadmInit},
	} {
		if !t.Run(step.name, step.do) {
			return
		}
	}
}

// testBusyMount has a volume that is in use: it stays and is named, and the next
// reset finishes when its user has ended.
func testBusyMount(ctx context.Context, t *testing.T, h *lab.Host, bare []string) {
	t.Helper()
	const busy = "/var/lib/kubelet/pods/busy/volume"
	run(t, h, "sh", "-euc", "mkdir -p "+busy+"; mount -t tmpfs mine "+busy+"; systemd-run --quiet --unit=user-of-volume --working-directory="+busy+" sleep infinity")
	out, err := h.Shell(ctx, resetCommand+" 2>&1")
	if err == nil || !strings.Contains(out, "fuser -vm "+busy) || !strings.Contains(out, "MNT_DETACH") {
		t.Errorf("a volume is in use: got %v, want an error that says what to do\n%s", err, out)
	}
	if mounts := run(t, h, "cat", "/proc/mounts"); strings.Count(mounts, " /var/lib/kubelet/") != 1 || !strings.Contains(mounts, busy) {
		t.Errorf("mounts are\n%s\nwant the busy one alone", mounts)
	}
	run(t, h, "systemctl", "stop", "user-of-volume")
	reset(ctx, t, h)
	wantRemains(ctx, t, h, bare)
}

// TestResetHalfMade kills init at several points; nothing of it is left after a reset.
func TestResetHalfMade(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 1, Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n1 := l.Host("n1")
	if _, err := n1.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	bare := remains(ctx, t, n1)
	for _, at := range []string{
		"/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/admin.conf", "/var/lib/kubelet/config.yaml", "/etc/kubernetes/manifests/etcd.yaml",
		"/var/lib/etcd/member/snap/db", "/var/lib/kubelet/pods",
	} {
		t.Run(strings.Trim(strings.ReplaceAll(at, "/", " "), " "), func(t *testing.T) {
			killWhen(ctx, t, n1, at, func(ctx context.Context) error {
				_, err := n1.Clusterflow(ctx, lab.Variables, "apply", "init.hcl", "--auto-approve")
				return err
			})
			reset(ctx, t, n1)
			wantRemains(ctx, t, n1, bare)
			wantNothingToReset(ctx, t, n1)
		})
	}
	apply(ctx, t, n1, lab.Variables, "init.hcl")
	checkCluster(ctx, t, n1)
}

// reset applies reset.hcl and answers what it says, warnings among it.
func reset(ctx context.Context, t *testing.T, h *lab.Host, args ...string) string {
	t.Helper()
	began := time.Now()
	out, err := h.Shell(ctx, "clusterflow apply reset.hcl --auto-approve "+strings.Join(args, " ")+" 2>&1")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s: reset took %.1fs", h.Name, time.Since(began).Seconds())
	return out
}

// killWhen runs init or a join and kills it, with its plugins, when a file appears.
func killWhen(ctx context.Context, t *testing.T, h *lab.Host, file string, run func(context.Context) error) {
	t.Helper()
	running, kill := context.WithCancel(ctx)
	defer kill()
	ended := make(chan error, 1)
	go func() { ended <- run(running) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := h.Run(ctx, "test", "-e", file); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended before there was %s: %v", file, err)
		case <-tick.C:
		}
	}
	kill()
	if err := <-ended; err == nil {
		t.Fatal("it succeeded before it was killed")
	}
}
