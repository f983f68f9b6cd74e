//go:build lab

package tests

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
	"github.com/clusterflow/clusterflow/test/lab"
)

// TestUndo takes back inits that came to nothing: no pod runs then, though nobody was
// there to stop it.
func TestUndo(t *testing.T) {
	k := newKilled(t)
	broken := lab.Variables + `
timeouts  = { control_plane = "20s", kubelet = "30s" }
apiserver = { extra_args = [{ name = "no-such-flag", value = "1" }] }
`
	out, err := k.host.Clusterflow(k.ctx, broken, "apply", "init.hcl", "--auto-approve")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("init with a broken API server: %v\n%s", err, out)
	}
	if pods := run(t, k.host, "crictl", "pods", "--quiet", "--state", "Ready"); pods == "" {
		t.Error("no pod runs: the test does not test anything")
	}
	k.undone(t, k.undo(t, nil))
	k.reset(t)
}

// TestKilledUndo kills init at some point, and its undo, too. The next undo goes on
// and finishes.
func TestKilledUndo(t *testing.T) {
	k := newKilled(t)
	for i := range 6 {
		fault := &faults.Fault{At: progress(10 + k.random.IntN(100)), Strike: faults.Signal(os.Kill)}
		if i == 0 {
			fault = nil // a cluster that works is taken back, too
		}
		init := k.drive(t, fault)
		noProcesses(k.ctx, t, k.host)
		removed := func() func(event.Event) bool {
			n := 1 + k.random.IntN(20)
			return func(e event.Event) bool {
				switch e.Body.(type) {
				case event.NodeStarted, event.ChangeDone, event.NodeEnded:
					n--
				}
				return n == 0
			}
		}
		ending := faults.Ending{Struck: true}
		kills := 0
		for ; ending.Struck; kills++ {
			ending = k.undo(t, &faults.Fault{At: removed(), Strike: faults.Signal(os.Kill)})
			noProcesses(k.ctx, t, k.host)
		}
		t.Logf("init came to %s; undo was killed %d times; the last one took %v", last(init), kills-1, ending.Took.Round(time.Millisecond))
		k.undone(t, ending)
		k.reset(t)
		if t.Failed() {
			return
		}
	}
	k.round(t, 0, nil)
}

func (k *killed) undo(t *testing.T, fault *faults.Fault) faults.Ending {
	t.Helper()
	return drive(k.ctx, t, k.host, fault, "undo", "init.hcl")
}

// undone demands that an undo left nothing but what a network leaves: interfaces,
// rules of the packet filter, addresses given to pods. These are for reset.
func (k *killed) undone(t *testing.T, ending faults.Ending) {
	t.Helper()
	if ending.Code != 0 {
		t.Errorf("undo: exit code %d\n%s%s", ending.Code, ending.Talk, strings.Join(problemsOf(ending), "\n"))
	}
	for _, line := range remains(k.ctx, t, k.host) {
		kind, _, _ := strings.Cut(line, " ")
		if slices.Contains([]string{"interface", "iptables", "ip6tables", "table"}, kind) || strings.HasPrefix(line, "/var/lib/cni") {
			continue
		}
		if !slices.Contains(k.bare, line) {
			t.Errorf("undo left behind: %s", line)
		}
	}
	if state, _ := k.host.Run(k.ctx, "systemctl", "is-active", "kubelet"); strings.TrimSpace(state) == "active" {
		t.Error("the kubelet runs")
	}
	noTraces(k.ctx, t, k.host)
	ctx, cancel := context.WithTimeout(k.ctx, time.Minute)
	defer cancel()
	if out, err := k.host.Run(ctx, "clusterflow", "undo", "init.hcl", "--auto-approve"); err != nil {
		t.Errorf("a second undo: %v\n%s", err, out)
	}
}
