//go:build lab

package tests

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

const (
	resumeUnit = "/etc/systemd/system/clusterflow-resume-reboot.service"
	// rebooting boots the host in its middle, by the command given.
	rebooting = `phase "core.file" "before" {
  path    = "/root/before"
  content = "x"
}
phase "core.reboot" "boot" {
  triggers   = { kernel = "new" }
  command    = [COMMAND]
  depends_on = [phase.before]
}
phase "core.file" "after" {
  path    = "/root/after"
  content = phase.boot.boot_id
}
finally "core.exec" "end" {
  command = ["sh", "-c", "cat /proc/sys/kernel/random/boot_id >>/root/ends"]
}
`
)

// TestReboot boots a host in the middle of a run. A unit goes on with it, to the end,
// and is gone then.
func TestReboot(t *testing.T) {
	h := labtest.Up(t, lab.Options{}).Host("n1")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if _, err := h.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	t.Run("stopped", func(t *testing.T) { testRebootStopped(ctx, t, h) })
	put(ctx, t, h, `"systemctl", "reboot"`)
	before, err := h.BootID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	run(t, h, "systemd-run", "--no-block", "--setenv=HOME=/root", "clusterflow", "apply", "/root/reboot.hcl", "--auto-approve")
	if err := h.AwaitBoot(ctx, before); err != nil {
		t.Fatal(err)
	}
	t.Logf("from apply to the end of the boot: %v", time.Since(began).Round(time.Millisecond))
	now, err := h.BootID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, h, "cat", "/root/after"); now == before || got != now {
		t.Errorf("the boot was %s and is %s, and the phase after it says %s\n%s", before, now, got, h.Journal(ctx, 60))
	}
	if got := strings.Fields(run(t, h, "cat", "/root/ends")); len(got) != 1 || got[0] != now {
		t.Errorf("finally ran in the boots %q, want once, in the last one", got)
	}
	wantNoResume(ctx, t, h)
	runs := run(t, h, "clusterflow", "runs")
	if strings.Count(runs, "succeeded") != 1 {
		t.Errorf("runs are\n%s", runs)
	}
	if out, err := h.Run(ctx, "clusterflow", "plan", "/root/reboot.hcl", "--detailed-exitcode"); err != nil {
		t.Errorf("second plan: %v\n%s", err, out)
	}
}

// testRebootStopped stops a run that waits for the host to go down. The host does
// not, and will not go on with the run at some later boot.
func testRebootStopped(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	put(ctx, t, h, `"true"`)
	waits := func(e event.Event) bool {
		progress, ok := e.Body.(event.NodeProgress)
		return ok && progress.Node == "phase.boot"
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			armed := false
			ending, err := faults.Drive(ctx, inHost{h}, strings.Fields("clusterflow apply /root/reboot.hcl --auto-approve --json"), &faults.Fault{
				At: waits,
				Strike: func(p faults.Process) error {
					_, err := h.Get(ctx, resumeUnit)
					armed = err == nil
					return p.Signal(sig)
				},
			})
			if err != nil || ending.Code != 130 || !ending.Struck || !armed {
				t.Errorf("exit code %d, %v, struck %v, armed before %v\n%s", ending.Code, err, ending.Struck, armed, ending.Talk)
			}
			wantNoResume(ctx, t, h)
		})
	}
	if got := strings.Count(run(t, h, "cat", "/root/ends"), "\n"); got != 2 {
		t.Errorf("finally ran %d times in two runs that were stopped", got)
	}
	run(t, h, "clusterflow", "undo", "/root/reboot.hcl", "--auto-approve")
	run(t, h, "rm", "/root/ends")
}

func put(ctx context.Context, t *testing.T, h *lab.Host, command string) {
	t.Helper()
	text := strings.ReplaceAll(rebooting, "COMMAND", command)
	if err := h.Put(ctx, "/root/reboot.hcl", 0o600, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// wantNoResume demands that nothing goes on at the next boot.
func wantNoResume(ctx context.Context, t *testing.T, h *lab.Host) {
	t.Helper()
	if _, err := h.Get(ctx, resumeUnit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v, want none", resumeUnit, err)
	}
	if links := run(t, h, "find", "/etc/systemd/system", "-name", "clusterflow-resume-*"); links != "" {
		t.Errorf("left behind: %s", links)
	}
}
