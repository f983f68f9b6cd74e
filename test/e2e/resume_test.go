//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestResume breaks one program, so that apply fails in the middle, mends it and
// applies again: what was done is not done again.
func TestResume(t *testing.T) {
	c := newCLI(t)
	binaries := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if err := os.Symlink(c.program(name), filepath.Join(binaries, name)); err != nil {
			t.Fatal(err)
		}
	}
	scheduler := filepath.Join(binaries, "kube-scheduler")
	broken := "#!/bin/sh\necho 'scheduler: no such policy' >&2\n[ \"$1\" = --version ]\n"
	if err := os.Remove(scheduler); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(scheduler, []byte(broken), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.clusterflow("undo", "--auto-approve") })

	failed := c.clusterflow("apply", "--auto-approve", "--var", "binaries="+binaries)
	if failed.code != 1 {
		t.Fatalf("apply with a broken scheduler: exit code %d, want 1\n%s", failed.code, failed.stderr)
	}
	for _, want := range []string{"module.control_plane.phase.scheduler", "scheduler: no such policy", "kube-scheduler.log"} {
		if !strings.Contains(failed.stderr, want) {
			t.Errorf("the report does not say %q:\n%s", want, failed.stderr)
		}
	}
	before := c.processes()
	if len(before) < 2 || before["kube-scheduler"] != 0 {
		t.Fatalf("processes after the failure: %v", before)
	}

	if err := os.Remove(scheduler); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.program("kube-scheduler"), scheduler); err != nil {
		t.Fatal(err)
	}
	resumed := c.must("apply", "--auto-approve", "--var", "binaries="+binaries)
	after := c.processes()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		if after[name] != before[name] {
			t.Errorf("%s was started again: pid %d, was %d", name, after[name], before[name])
		}
	}
	if after["kube-scheduler"] == 0 {
		t.Error("the scheduler does not run")
	}
	if strings.Contains(resumed.stderr, "+ module.certs") {
		t.Errorf("certificates were made again:\n%s", resumed.stderr)
	}
	if got := c.kubectl("get", "--raw", "/readyz"); got != "ok" {
		t.Errorf("/readyz: got %q, want ok", got)
	}
}
