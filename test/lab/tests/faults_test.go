//go:build lab

package tests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
	"github.com/clusterflow/clusterflow/test/lab"
)

// inHost runs commands in a host, as package faults wants it.
type inHost struct{ *lab.Host }

// Start implements [faults.Host].
func (h inHost) Start(ctx context.Context, argv []string, out, talk io.Writer) (faults.Process, error) {
	cmd := h.Command(context.WithoutCancel(ctx), argv...)
	cmd.Stdout, cmd.Stderr = out, talk
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return hostProcess{cmd}, nil
}

// hostProcess is nsenter on this machine, the one child of which is the command.
type hostProcess struct{ cmd *exec.Cmd }

func (hostProcess) PID() int { return 0 }

// Signal signals the command in the host. One that has ended is no error.
func (p hostProcess) Signal(sig os.Signal) error {
	for _, pid := range children(p.cmd.Process.Pid) {
		if err := signalChild(p.cmd.Process.Pid, pid, sig); err != nil {
			return err
		}
	}
	return nil
}

func (p hostProcess) Wait() (int, error) {
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// killPlugin kills one plugin process of the command.
func killPlugin(random *rand.Rand) func(faults.Process) error {
	return func(p faults.Process) error {
		process, ok := p.(hostProcess)
		if !ok {
			return fmt.Errorf("%T is no process in a host", p)
		}
		for _, engine := range children(process.cmd.Process.Pid) {
			plugins := children(engine)
			if len(plugins) == 0 {
				continue
			}
			if err := signalChild(engine, plugins[random.IntN(len(plugins))], os.Kill); err != nil {
				return err
			}
		}
		return nil
	}
}

// children are the processes that pid started.
func children(pid int) []int {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	var all []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil && child > 1 {
				all = append(all, child)
			}
		}
	}
	return all
}

// signalChild signals a process through a handle that was opened before the process
// was seen to be a child of parent, so that its number cannot be in use again.
func signalChild(parent, pid int, sig os.Signal) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer func() { _ = process.Release() }()
	for _, child := range children(parent) {
		if child != pid {
			continue
		}
		if err := process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	return nil
}

// progress picks the n-th of the events at which something was begun or done.
func progress(n int) func(event.Event) bool {
	return func(e event.Event) bool {
		switch body := e.Body.(type) {
		case event.NodeStarted, event.ChangeDone, event.Checkpoint:
			n--
		case event.NodeEnded:
			if body.Status == event.Succeeded {
				n--
			}
		default:
			return false
		}
		return n == 0
	}
}

// drive runs clusterflow with --json in h, with the variables of a lab; a fault may
// strike it.
func drive(ctx context.Context, t *testing.T, h *lab.Host, fault *faults.Fault, args ...string) faults.Ending {
	t.Helper()
	const file = "/root/lab.hclvars"
	argv := append([]string{"clusterflow"}, args...)
	argv = append(argv, "--auto-approve", "--json")
	if args[0] == "apply" {
		if err := h.Put(ctx, file, 0o600, strings.NewReader(lab.Variables)); err != nil {
			t.Fatal(err)
		}
		argv = append(argv, "--var-file", file)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	ending, err := faults.Drive(ctx, inHost{h}, argv, fault)
	if err != nil {
		t.Fatalf("%v\n%s", err, ending.Talk)
	}
	return ending
}

// noProcesses waits until no process of clusterflow is left in h.
func noProcesses(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	const script = `for i in $(seq 100); do pgrep -f '^/opt/[c]lusterflow|[c]lusterflow-plugin' >/dev/null || exit 0; sleep 0.05; done; ps -ef; exit 1`
	if out, err := h.Shell(ctx, script); err != nil {
		t.Errorf("processes are left: %v\n%s", err, out)
	}
}

// noSecrets looks for the bootstrap tokens and private keys of a cluster in what is
// recorded of its runs, and in the journal of its host. Records are private.
func noSecrets(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	const script = `umask 077
kubectl -n kube-system get secrets -o jsonpath='{range .items[?(@.type=="bootstrap.kubernetes.io/token")]}{.data.token-secret}{"\n"}{end}' |
	while read -r s; do echo "$s" | base64 -d; echo; done >/root/secrets
for f in $(find /etc/kubernetes/pki -name '*.key'); do sed -n 2p "$f"; done >>/root/secrets
journalctl --output=cat >/root/journal
wc -l </root/secrets
grep -rlFf /root/secrets /var/lib/clusterflow /run/clusterflow /root/journal || true
find /var/lib/clusterflow -type f ! -perm 0600 -o -type d ! -perm 0700
rm /root/secrets /root/journal`
	out, err := h.Shell(ctx, script)
	if err != nil {
		t.Fatal(err)
	}
	count, found, _ := strings.Cut(out, "\n")
	if n, err := strconv.Atoi(strings.TrimSpace(count)); err != nil || n < 9 || found != "" {
		t.Errorf("%s secrets are in, or are others allowed to read:\n%s", count, found)
	}
}

// noTraces demands that no temporary file and no socket of clusterflow is left in h.
func noTraces(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	noProcesses(ctx, t, h)
	const script = `find / /var/lib/kubelet /var/lib/etcd /run -xdev -name '*.clusterflow-*' -o -path '/proc' -prune -false | sort -u
find /run/clusterflow -mindepth 1 2>/dev/null || true
find /tmp -name 'clusterflow*'`
	out, err := h.Shell(ctx, script)
	if err != nil {
		t.Fatal(err)
	}
	if out != "" {
		t.Errorf("left behind:\n%s", out)
	}
}
