//go:build lab && bench

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

// TestBenchJoin measures joins of clusterflow beside those of kubeadm, on the same
// hosts and cluster, with images there and a token that is signed. make bench-join.
func TestBenchJoin(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 3, Images: true, Kubeadm: true})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	b := joinBench{t: t, ctx: ctx, first: l.Host("n1")}
	n2, n3 := l.Host("n2"), l.Host("n3")
	if err := b.first.KubeadmInit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.first.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	apply(ctx, t, b.first, uploadCerts, "token.hcl")
	const (
		unready = " --var wait_ready=false"
		ignore  = " --ignore-preflight-errors " + lab.KubeadmIgnore
	)
	worker, control := b.command("join_command"), b.command("join_command_control_plane")
	kubeadm := b.join("kubeadm", b.command("kubeadm_join_command")+ignore, n2)
	ours := b.join("clusterflow", withVariables(worker)+unready, n2)
	ready := b.join("clusterflow, until Ready", withVariables(worker), n2)
	kubeadmControl := b.join("kubeadm, control plane", b.command("kubeadm_join_command_control_plane")+ignore, n3)
	oursControl := b.join("clusterflow, control plane", withVariables(control), n3)
	both := b.join("clusterflow, two control planes at once", withVariables(control), n2, n3)
	t.Logf("worker: clusterflow / kubeadm = %.2f (until Ready %.2f)", ours/kubeadm, ready/kubeadm)
	t.Logf("control plane: clusterflow / kubeadm = %.2f; two at once / one of kubeadm = %.2f", oursControl/kubeadmControl, both/kubeadmControl)
}

type joinBench struct {
	t     *testing.T
	ctx   context.Context
	first *lab.Host
}

func (b joinBench) command(name string) string {
	b.t.Helper()
	return output(b.ctx, b.t, b.first, uploadCerts, "token.hcl", name)
}

// join runs a command on bare hosts at once, measures it until the last has
// joined, and makes the hosts bare again.
func (b joinBench) join(name, command string, hosts ...*lab.Host) (seconds float64) {
	b.t.Helper()
	for _, h := range hosts {
		if _, err := h.InstallClusterflow(b.ctx); err != nil {
			b.t.Fatal(err)
		}
	}
	began := time.Now()
	errs := make(chan error, len(hosts))
	for _, h := range hosts {
		go func() {
			_, err := h.Shell(b.ctx, command)
			errs <- err
		}()
	}
	for range hosts {
		if err := <-errs; err != nil {
			b.t.Fatal(err)
		}
	}
	seconds = time.Since(began).Seconds()
	b.t.Logf("%-40s %6.2f s", name, seconds)
	for _, h := range hosts {
		b.leave(h)
	}
	return seconds
}

func (b joinBench) leave(h *lab.Host) {
	b.t.Helper()
	if strings.Contains(run(b.t, h, "ls", "/etc/kubernetes"), "admin.conf") {
		run(b.t, h, "kubeadm", "reset", "--force") // takes the member out of etcd
	}
	run(b.t, b.first, "kubectl", "delete", "node", h.Name)
	ctx, cancel := context.WithTimeoutCause(b.ctx, 4*time.Minute, fmt.Errorf("%s is not made bare", h.Name))
	defer cancel()
	if err := h.Wipe(ctx); err != nil {
		b.t.Fatal(err)
	}
}
