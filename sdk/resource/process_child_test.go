package resource

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// TestChild is what the processes under test run; see childArgv.
func TestChild(t *testing.T) {
	args := flag.Args()
	if len(args) == 0 {
		t.Skip("only a child process runs this")
	}
	switch args[0] {
	case "serve": // until SIGTERM; ready once it listens
		stopped := make(chan os.Signal, 1)
		signal.Notify(stopped, syscall.SIGTERM)
		listen(t, args[1])
		<-stopped
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		listen(t, args[1])
		select {}
	case "fail":
		for i := range 20 {
			fmt.Fprintf(os.Stderr, "line %d\n", i)
		}
		t.Fatal("no such flag")
	case "start": // what a plugin does: start a process, then end
		p := &Process{Name: "child", Argv: childArgv("serve", args[1]), LogFile: args[2], Ready: answers(args[1])}
		if err := p.Render(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func childArgv(args ...string) []string {
	return append([]string{os.Args[0], "-test.run=^TestChild$", "--"}, args...)
}

func listen(t *testing.T, socket string) {
	t.Helper()
	_ = os.Remove(socket)
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

func answers(socket string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// newProcess returns a process that serves, and removes it when the test ends.
func newProcess(t *testing.T, mode string) *Process {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	p := &Process{
		Name: "child", Argv: childArgv(mode, socket), LogFile: filepath.Join(dir, "log", "child.log"),
		Ready: answers(socket), StopTimeout: 10 * time.Second,
	}
	t.Cleanup(func() {
		if err := p.Remove(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return p
}

func mustRender(t *testing.T, p *Process) {
	t.Helper()
	if err := p.Render(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mustDiff(t *testing.T, p *Process) sdk.Change {
	t.Helper()
	c, err := p.Diff(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// again is the same process as the next run sees it.
func again(t *testing.T, p *Process) *Process {
	t.Helper()
	state, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	next := &Process{
		Name: p.Name, Argv: slices.Clone(p.Argv), LogFile: p.LogFile, Inputs: p.Inputs, Ready: p.Ready,
		StopTimeout: p.StopTimeout,
	}
	return next.Recall(Record{Entries: []Entry{{Kind: "process", Target: p.Name, Made: true, State: state}}})
}

func waitGone(t *testing.T, s Started) {
	t.Helper()
	if gone, err := s.waitGone(t.Context(), 10*time.Second); !gone || err != nil {
		t.Fatalf("pid %d: gone %v, %v", s.PID, gone, err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
