package preflight

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
)

func TestKubeletVersionIsRemembered(t *testing.T) {
	m := good(t)
	program := filepath.Join(t.TempDir(), "kubelet")
	write(t, program, "one", 0o700)
	m.lookPath = func(string) (string, error) { return program, nil }
	m.said = &memory{}
	var asked atomic.Int32
	says := func(stdout string, err error) {
		m.command = func(context.Context, ...string) (command.Result, error) {
			asked.Add(1)
			return command.Result{Stdout: stdout}, err
		}
	}
	want := func(version string, times int32) {
		t.Helper()
		got, err := m.kubeletVersion(t.Context())
		if err != nil || got.text != version || asked.Load() != times {
			t.Fatalf("got %q, %v after %d questions, want %q after %d", got.text, err, asked.Load(), version, times)
		}
	}

	says("", errors.New("text file busy"))
	if _, err := m.kubeletVersion(t.Context()); err == nil {
		t.Fatal("no error")
	}
	says("Kubernetes v1.36.3", nil)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { _, _ = m.kubeletVersion(t.Context()) })
	}
	group.Wait()
	want("v1.36.3", 2)

	says("Kubernetes v1.37.0", nil)
	want("v1.36.3", 2)
	write(t, program, "another", 0o700)
	want("v1.37.0", 3)
}
