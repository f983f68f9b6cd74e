//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cli runs the built program as a user would, from the root of the repository.
type cli struct {
	t        *testing.T
	root     string
	stateDir string
	dataDir  string
	env      []string // besides that of the test
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range []string{"bin/clusterflow", "bin/clusterflow-plugins", "bin/clusterflow-plugins-etcd", "bin/clusterflow-plugins-kube", "bin/kube/kube-apiserver", "bin/kube/etcd", "bin/kube/kubectl"} {
		if _, err := os.Stat(filepath.Join(root, need)); err != nil {
			t.Fatalf("find %s: %v; run make build kube first", need, err)
		}
	}
	base := t.TempDir()
	return &cli{t: t, root: root, stateDir: filepath.Join(base, "state"), dataDir: filepath.Join(base, "cluster")}
}

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

// clusterflow runs a command on the embedded pipeline; extra come after it.
func (c *cli) clusterflow(command string, extra ...string) result {
	c.t.Helper()
	args := []string{command, "pipelines/embedded.hcl", "--state-dir", c.stateDir}
	if command != "undo" {
		args = append(args, "--var", "dir="+c.dataDir)
	}
	return c.run("bin/clusterflow", append(args, extra...)...)
}

// must is clusterflow for commands that have to succeed.
func (c *cli) must(command string, extra ...string) result {
	c.t.Helper()
	r := c.clusterflow(command, extra...)
	if r.code != 0 {
		c.t.Fatalf("clusterflow %s: exit code %d\n%s\n%s", command, r.code, r.stdout, r.stderr)
	}
	return r
}

func (c *cli) kubectl(args ...string) string {
	c.t.Helper()
	r := c.run("bin/kube/kubectl", append([]string{"--kubeconfig", filepath.Join(c.dataDir, "admin.conf")}, args...)...)
	if r.code != 0 {
		c.t.Fatalf("kubectl %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// program is the path of one of the programs in bin/kube.
func (c *cli) program(name string) string {
	c.t.Helper()
	path, err := filepath.EvalSymlinks(filepath.Join(c.root, "bin/kube", name))
	if err != nil {
		c.t.Fatal(err)
	}
	return path
}

func (c *cli) run(name string, args ...string) result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), 5*time.Minute) // also in Cleanup
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(c.root, name), args...)
	cmd.Dir, cmd.Env = c.root, append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	started := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		c.t.Fatalf("run %s: %v", name, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(started)}
}

// processes returns the pids of processes that name the cluster's directory, by
// program.
func (c *cli) processes() map[string]int {
	c.t.Helper()
	found := map[string]int{}
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, path := range procs {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		argv := strings.Split(string(text), "\x00")
		if !strings.Contains(string(text), c.dataDir) || !strings.HasPrefix(argv[0], "/") {
			continue
		}
		found[filepath.Base(argv[0])] = atoi(c.t, filepath.Base(filepath.Dir(path)))
	}
	return found
}
