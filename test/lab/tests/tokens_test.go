//go:build lab

package tests

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// tokenID is the public part of a token in a join command.
var tokenID = regexp.MustCompile(`_token=([a-z0-9]{6})\.`)

// giveAdmin gives h the kubeconfig of an administrator, as reset wants it of a worker.
func giveAdmin(ctx context.Context, t *testing.T, first, h *lab.Host) {
	t.Helper()
	admin, err := first.Get(ctx, "/etc/kubernetes/admin.conf")
	if err == nil {
		err = h.Put(ctx, "/root/admin.conf", 0o600, strings.NewReader(string(admin)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// testLateNode resets a worker whose kubelet registers its Node after reset has
// looked for it, which is while reset asks whether to go on.
func testLateNode(ctx context.Context, t *testing.T, first, h *lab.Host) {
	t.Helper()
	giveAdmin(ctx, t, first, h)
	run(t, h, "systemctl", "stop", "kubelet")
	run(t, first, "kubectl", "delete", "node", h.Name)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := h.Command(ctx, "script", "--quiet", "--return", "--command", "clusterflow apply reset.hcl --var kubeconfig=/root/admin.conf", "/dev/null")
	answer, input := io.Pipe()
	output, said := io.Pipe()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = answer, said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		said.Close()
		answer.Close()
		ended <- err
	}()
	plan := readUntil(output, "Plan: ")
	if strings.Contains(plan, "Node  "+h.Name) {
		t.Errorf("the Node is there already:\n%s", plan)
	}
	rest := make(chan string, 1)
	go func() { rest <- readUntil(output, "never said") }()
	run(t, h, "systemctl", "start", "kubelet")
	run(t, first, "kubectl", "wait", "--for=create", "node/"+h.Name, "--timeout=30s")
	if _, err := io.WriteString(input, "yes\n"); err != nil {
		t.Error(err)
	}
	input.Close()
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, <-rest)
	}
	if nodes := run(t, first, "kubectl", "get", "nodes", "--output=name"); strings.Contains(nodes, h.Name) {
		t.Errorf("the cluster still knows %s: %q", h.Name, nodes)
	}
}

// readUntil reads what is said up to some words, or to the end.
func readUntil(from io.Reader, words string) string {
	var all strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(all.String(), words) {
		n, err := from.Read(buffer)
		all.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	return all.String()
}

// testTokens makes, lists, deletes and takes back tokens on a control plane that is
// not the first, and joins with what it has uploaded.
func testTokens(ctx context.Context, t *testing.T, first, second, h *lab.Host) {
	t.Helper()
	apply(ctx, t, first, "", "token.hcl")
	foreign := output(ctx, t, first, "", "token.hcl", "join_command")
	apply(ctx, t, second, uploadCerts, "token.hcl")
	control := output(ctx, t, second, uploadCerts, "token.hcl", "join_command_control_plane")
	if again := strings.TrimSpace(apply(ctx, t, second, uploadCerts, "token.hcl")); !strings.Contains(again, tokenID.FindString(control)) {
		t.Errorf("a second apply gives another token than %s:\n%s", tokenID.FindString(control), again)
	}
	deleted, own := tokenID.FindStringSubmatch(foreign)[1], tokenID.FindStringSubmatch(control)[1]
	wantTokens(ctx, t, second, []string{deleted, own}, nil)

	apply(ctx, t, second, uploadCerts+`delete_tokens = ["`+deleted+`"]`+"\n", "token.hcl")
	wantTokens(ctx, t, second, []string{own}, []string{deleted})
	wantJoinError(ctx, t, h, foreign+` --var 'timeouts={discovery="3s"}'`, "does not know the token "+deleted, "was deleted")
	joinAll(ctx, t, map[*lab.Host]string{h: control})
	wantMembers(t, h, "n1", "n2", "n3", h.Name)
	if out, err := second.Clusterflow(ctx, "", "undo", "token.hcl", "--auto-approve"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if left := run(t, first, "kubectl", "get", "secrets", "--namespace=kube-system", "--output=name"); strings.Contains(left, own) || strings.Contains(left, "kubeadm-certs") {
		t.Errorf("undo has left\n%s", left)
	}
}

// wantTokens demands that the listing and the cluster have some tokens and lack others.
func wantTokens(ctx context.Context, t *testing.T, h *lab.Host, have, lack []string) {
	t.Helper()
	listed := output(ctx, t, h, uploadCerts, "token.hcl", "tokens")
	secrets := run(t, h, "kubectl", "get", "secrets", "--namespace=kube-system", "--output=name")
	for _, id := range have {
		if !strings.Contains(listed, id+"  20") || !strings.Contains(secrets, "bootstrap-token-"+id) {
			t.Errorf("token %s is not there: listed are\n%s\nthe cluster has\n%s", id, listed, secrets)
		}
	}
	for _, id := range lack {
		if strings.Contains(listed, id) || strings.Contains(secrets, id) {
			t.Errorf("token %s is still there: listed are\n%s\nthe cluster has\n%s", id, listed, secrets)
		}
	}
}
