//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestEmbedded is one story: a cluster comes up, answers, stays as it is, heals,
// and goes away without a trace.
func TestEmbedded(t *testing.T) {
	c := newCLI(t)
	t.Cleanup(func() { c.clusterflow("undo", "--auto-approve") }) // also after a failure
	first := c.must("apply", "--auto-approve")
	t.Logf("first apply took %s", first.took)

	t.Run("answers", func(t *testing.T) { answers(t, c) })
	t.Run("prints join commands", func(t *testing.T) { printsJoinCommands(t, c, first.stdout) })
	t.Run("keeps secrets", func(t *testing.T) { keepsSecrets(t, c, first) })

	before := c.processes()
	want := []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	if got := slices.Sorted(maps.Keys(before)); !slices.Equal(got, want) {
		t.Fatalf("processes: got %v, want %v", got, want)
	}
	t.Run("second apply changes nothing", func(t *testing.T) {
		files := tree(t, c.dataDir)
		second := c.must("apply", "--auto-approve")
		if !strings.Contains(second.stderr, "0 to change") {
			t.Errorf("second apply does not say that nothing changes:\n%s", second.stderr)
		}
		if now := c.processes(); !maps.Equal(now, before) {
			t.Errorf("processes: got %v, want %v", now, before)
		}
		if now := tree(t, c.dataDir); !maps.Equal(now, files) {
			t.Errorf("files changed: got %v, want %v", now, files)
		}
		if r := c.clusterflow("plan", "--detailed-exitcode"); r.code != 0 {
			t.Errorf("plan: exit code %d, want 0\n%s%s", r.code, r.stdout, r.stderr)
		}
		t.Logf("second apply took %s", second.took)
	})
	t.Run("starts just what was killed", func(t *testing.T) {
		kill(t, before["kube-scheduler"])
		if r := c.clusterflow("plan", "--detailed-exitcode"); r.code != 2 {
			t.Errorf("plan: exit code %d, want 2\n%s%s", r.code, r.stdout, r.stderr)
		}
		r := c.must("apply", "--auto-approve")
		t.Logf("apply took %s", r.took)
		after := c.processes()
		for _, name := range want {
			if (after[name] == before[name]) == (name == "kube-scheduler") {
				t.Errorf("%s: pid %d, was %d", name, after[name], before[name])
			}
		}
	})
	t.Run("undo leaves nothing", func(t *testing.T) {
		r := c.must("undo", "--auto-approve")
		t.Logf("undo took %s", r.took)
		if left := c.processes(); len(left) > 0 {
			t.Errorf("processes left: %v", left)
		}
		for _, dir := range []string{c.stateDir, c.dataDir} {
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("left behind: %v", tree(t, dir))
			}
		}
	})
}

func answers(t *testing.T, c *cli) {
	t.Helper()
	if got := c.kubectl("get", "--raw", "/readyz"); got != "ok" {
		t.Errorf("/readyz: got %q, want ok", got)
	}
	if info := c.kubectl("get", "cm", "-n", "kube-public", "cluster-info", "-o", "yaml"); !strings.Contains(info, "jws-kubeconfig-") {
		t.Errorf("cluster-info is not signed:\n%s", info)
	}
	bindings := c.kubectl("get", "clusterrolebindings")
	for _, name := range []string{
		"kubeadm:cluster-admins", "kubeadm:get-nodes", "kubeadm:kubelet-bootstrap", "kubeadm:node-autoapprove-bootstrap",
		"kubeadm:node-autoapprove-certificate-rotation", "kubeadm:apiserver-kubelet-client", "kubeadm:node-proxier", "system:coredns",
	} {
		if !strings.Contains(bindings, name) {
			t.Errorf("no clusterrolebinding %s in:\n%s", name, bindings)
		}
	}
	for _, object := range []string{
		"cm/kubeadm-config", "cm/kubelet-config", "cm/coredns", "cm/kube-proxy", "deploy/coredns", "svc/kube-dns", "ds/kube-proxy",
		"role/kubeadm:nodes-kubeadm-config", "role/kubeadm:kubelet-config", "sa/coredns", "sa/kube-proxy",
	} {
		c.kubectl("get", "-n", "kube-system", object)
	}
}

func printsJoinCommands(t *testing.T, c *cli, out string) {
	t.Helper()
	if !strings.Contains(out, "kubeadm join 127.0.0.1:") || !strings.Contains(out, "--discovery-token-ca-cert-hash sha256:") {
		t.Errorf("no join command for kubeadm in:\n%s", out)
	}
	if !strings.Contains(out, "clusterflow apply join ") {
		t.Errorf("no join command for clusterflow in:\n%s", out)
	}
	again := c.must("output", "kubeadm_join_command")
	if !strings.Contains(out, strings.TrimSpace(again.stdout)) {
		t.Errorf("output prints another join command: %s", again.stdout)
	}
}

// keepsSecrets looks for the bootstrap token where it must not be.
func keepsSecrets(t *testing.T, c *cli, first result) {
	t.Helper()
	_, rest, ok := strings.Cut(first.stdout, "--token ")
	if !ok {
		t.Fatalf("no token in:\n%s", first.stdout)
	}
	token := strings.Fields(rest)[0]
	_, secret, ok := strings.Cut(token, ".")
	if !ok || len(secret) != 16 {
		t.Fatalf("odd token %q", token)
	}
	if strings.Contains(first.stderr, secret) {
		t.Error("the token is in the report of the run")
	}
	for path, content := range contents(t, c.stateDir) {
		if strings.Contains(content, secret) {
			t.Errorf("the token is in %s", path)
		}
	}
}

// tree maps every file below dir to its mode and size; logs and the database,
// which grow, by mode only.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		files[path] = info.Mode().String()
		if info.Mode().IsRegular() && !strings.HasSuffix(path, ".log") && !strings.Contains(path, "/etcd-data/") {
			files[path] += " " + info.ModTime().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for path, mode := range tree(t, dir) {
		if !strings.HasPrefix(mode, "-") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(text)
	}
	return out
}

// kill ends a process of the cluster and waits until it is gone.
func kill(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the process has ended", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}
