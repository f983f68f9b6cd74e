//go:build lab

package tests

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

func TestCommand(t *testing.T) {
	t.Setenv("SECRET_OF_THIS_MACHINE", "x")
	h := labtest.Up(t, lab.Options{}).Host("n1")

	t.Run("streams", func(t *testing.T) {
		cmd := h.Command(t.Context(), "sh", "-c", "cat; echo no >&2; exit 7")
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("yes"), &stdout, &stderr
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
			t.Errorf("got %v, want exit status 7", err)
		}
		if stdout.String() != "yes" || stderr.String() != "no\n" {
			t.Errorf("it printed %q and %q, want yes and no", &stdout, &stderr)
		}
	})
	t.Run("environment", func(t *testing.T) {
		if got := run(t, h, "env"); strings.Contains(got, "SECRET_OF_THIS_MACHINE") || !strings.Contains(got, "KUBECONFIG=/etc/kubernetes/admin.conf") {
			t.Errorf("environment in the host:\n%s", got)
		}
		if got := run(t, h, "cat", "/proc/self/cgroup"); strings.Contains(got, "..") {
			t.Errorf("a command is outside the control groups of its host:\n%s", got)
		}
	})
	t.Run("cancel", func(t *testing.T) { testCancel(t, h) })
	t.Run("files", func(t *testing.T) { testFiles(t, h) })
	t.Run("wipe", func(t *testing.T) { testWipe(t, h) })
}

// testCancel ends a command with its context, the processes it started too.
func testCancel(t *testing.T, h *lab.Host) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := h.Command(ctx, "sh", "-c", "sleep 4321 & echo started; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("a cancelled command succeeded")
	}
	if _, err := h.Run(ctx, "true"); !errors.Is(err, context.Canceled) {
		t.Errorf("run after the context ended: got %v, want %v", err, context.Canceled)
	}
	const script = `for i in $(seq 50); do pgrep -f "[s]leep 4321" >/dev/null || exit 0; sleep 0.1; done; exit 1`
	if _, err := h.Run(t.Context(), "sh", "-c", script); err != nil {
		t.Error("what a cancelled command started goes on")
	}
}

func testFiles(t *testing.T, h *lab.Host) {
	t.Helper()
	const name = "/opt/new/file"
	if _, err := h.Get(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get of no file: %v, want %v", err, fs.ErrNotExist)
	}
	if err := h.Put(t.Context(), name, 0o640, strings.NewReader("a\x00b")); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Get(t.Context(), name); err != nil || string(got) != "a\x00b" {
		t.Errorf("get: %q, %v", got, err)
	}
	if got := run(t, h, "stat", "--format=%a", name); got != "640\n" {
		t.Errorf("mode is %s, want 640", got)
	}
	archive := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(archive, archiveOf(t, "bin/hello", "#!/bin/sh\necho hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Unpack(t.Context(), archive, "/usr/local"); err != nil {
		t.Fatal(err)
	}
	if got := run(t, h, "hello"); got != "hello\n" {
		t.Errorf("the unpacked program prints %q", got)
	}
}

// archiveOf is a .tar.gz with one executable file.
func archiveOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	header := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))})
	_, write := w.Write([]byte(text))
	if err := errors.Join(header, write, w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// testWipe makes a host new, in its files and in its processes.
func testWipe(t *testing.T, h *lab.Host) {
	t.Helper()
	run(t, h, "sh", "-c", "touch /root/old /var/lib/kubelet/old && systemd-run --unit=old sleep 4321")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	if err := h.Wipe(ctx); err != nil {
		t.Fatal(err)
	}
	if got := run(t, h, "sh", "-c", "find /root/old /var/lib/kubelet/old 2>/dev/null; pgrep --full '[s]leep 4321' || true"); got != "" {
		t.Errorf("after wiping there is still:\n%s", got)
	}
	run(t, h, "ping", "-c1", "-W2", lab.Gateway)
	run(t, h, "crictl", "version")
}
