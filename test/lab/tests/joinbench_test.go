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
		theirs  = "kubeadm reset --force"
	)
	worker, control := b.command("join_command"), b.command("join_command_control_plane")
	b.waitSigned(worker)
	kubeadm, kubeadmLeft := b.join("kubeadm", b.command("kubeadm_join_command")+ignore, theirs, n2)
	ours, oursLeft := b.join("clusterflow", withVariables(worker)+unready, resetCommand, n2)
	ready, _ := b.join("clusterflow, until Ready", withVariables(worker), resetCommand, n2)
	kubeadmControl, kubeadmControlLeft := b.join("kubeadm, control plane", b.command("kubeadm_join_command_control_plane")+ignore, theirs, n3)
	oursControl, oursControlLeft := b.join("clusterflow, control plane", withVariables(control), resetCommand, n3)
	both, _ := b.join("clusterflow, two control planes at once", withVariables(control), resetCommand, n2, n3)
	t.Logf("worker: clusterflow / kubeadm = %.2f (until Ready %.2f), reset %.2f", ours/kubeadm, ready/kubeadm, oursLeft/kubeadmLeft)
	t.Logf("control plane: clusterflow / kubeadm = %.2f, reset %.2f; two at once / one of kubeadm = %.2f",
		oursControl/kubeadmControl, oursControlLeft/kubeadmControlLeft, both/kubeadmControl)
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

// waitSigned waits until the cluster has signed with the token of a command. Otherwise
// kubeadm finds that out five seconds later.
func (b joinBench) waitSigned(command string) {
	b.t.Helper()
	id, _, _ := strings.Cut(strings.SplitAfter(command, "token=")[1], ".")
	ctx, cancel := context.WithTimeoutCause(b.ctx, time.Minute, fmt.Errorf("the cluster has not signed with token %s", id))
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := b.first.Run(ctx, "kubectl", "get", "configmap", "cluster-info", "--namespace=kube-public", "--output=jsonpath={.data}")
		if err == nil && strings.Contains(out, "jws-kubeconfig-"+id) {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatal(context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// join runs a command on bare hosts at once, measures it until the last has
// joined, then lets them leave one by one, measures the first, and makes them bare again.
func (b joinBench) join(name, command, reset string, hosts ...*lab.Host) (joined, left float64) {
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
	joined = time.Since(began).Seconds()
	for i, h := range hosts {
		began := time.Now()
		if _, err := h.Shell(b.ctx, reset); err != nil {
			b.t.Fatal(err)
		}
		if i == 0 {
			left = time.Since(began).Seconds()
		}
		b.clear(h)
	}
	b.t.Logf("%-40s %6.2f s, reset %6.2f s", name, joined, left)
	return joined, left
}

func (b joinBench) clear(h *lab.Host) {
	b.t.Helper()
	run(b.t, b.first, "kubectl", "delete", "node", h.Name, "--ignore-not-found")
	ctx, cancel := context.WithTimeoutCause(b.ctx, 4*time.Minute, fmt.Errorf("%s is not made bare", h.Name))
	defer cancel()
	if err := h.Wipe(ctx); err != nil {
		b.t.Fatal(err)
	}
}
