//go:build unix

package resource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestProcessEndsEarly(t *testing.T) {
	for name, ready := range map[string]func(context.Context) error{
		"no check": nil,
		"not ready": func(context.Context) error {
			return errors.New("connection refused")
		},
		"check answered by another": func(context.Context) error { return nil },
		"check that hangs": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, "fail")
			p.Ready, p.settle = ready, time.Minute // it fails before, however busy the machine
			err := p.Render(t.Context())
			var hint *sdk.HintError
			if err == nil || !strings.Contains(err.Error(), "exit status 1") || !errors.As(err, &hint) {
				t.Fatalf("got %v, want the exit status and a hint", err)
			}
			if !strings.Contains(hint.Hint, p.LogFile) || !strings.Contains(hint.Hint, "\n  line 19\n") {
				t.Errorf("hint: got %q, want the log and its last lines", hint.Hint)
			}
			if strings.Contains(hint.Hint, "line 2\n") {
				t.Errorf("hint: got %q, want only the last %d lines", hint.Hint, tailLines)
			}
		})
	}
}

func TestProcessNotReadyInTime(t *testing.T) {
	p := newProcess(t, "serve")
	answer := p.Ready
	p.ReadyTimeout = time.Second
	p.Ready = func(context.Context) error { return errors.New("503 Service Unavailable") }
	err := p.Render(t.Context())
	if want := "not ready: timed out after 1s; last answer: 503 Service Unavailable"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	p.Ready = answer
	if c := mustDiff(t, p); c.Op != sdk.OpCreate {
		t.Errorf("after giving up: got %+v, want nothing left running", c)
	}
}

func TestProcessAttach(t *testing.T) {
	p := newProcess(t, "serve")
	mustRender(t, p)
	next := again(t, p)
	asked := 0
	next.Ready = func(context.Context) error {
		if asked++; asked < 4 {
			return errors.New("warming up")
		}
		return nil
	}
	want := fmt.Sprintf("pid %d runs, but is not ready", p.Started.PID)
	if c := mustDiff(t, next); c.Op != sdk.OpUpdate || c.Disruptive || c.Reason != want {
		t.Errorf("Diff: got %+v, want %q", c, want)
	}
	mustRender(t, next)
	if next.Started.PID != p.Started.PID || asked != 4 {
		t.Errorf("got pid %d after %d checks, want %d after 4", next.Started.PID, asked, p.Started.PID)
	}
	ready := p.Ready
	next.Ready = func(ctx context.Context) error {
		if p.Started.runs() {
			_ = syscall.Kill(p.Started.PID, syscall.SIGKILL)
			return errors.New("warming up")
		}
		return ready(ctx)
	}
	mustRender(t, next)
	if next.Started.PID == p.Started.PID {
		t.Errorf("got pid %d, want another one after it died", next.Started.PID)
	}
	*p = *next
}

func TestProcessCancel(t *testing.T) {
	p := newProcess(t, "serve")
	ctx, cancel := context.WithCancelCause(t.Context())
	p.Ready = func(context.Context) error {
		cancel(errors.New("cancelled: Ctrl-C"))
		return errors.New("not yet")
	}
	err := p.Render(ctx)
	if err == nil || !strings.Contains(err.Error(), "cancelled: Ctrl-C") {
		t.Errorf("got %v, want the cause", err)
	}
	p.Ready = nil
	if c := mustDiff(t, p); c.Op != sdk.OpCreate {
		t.Errorf("after cancel: got %+v, want nothing left running", c)
	}
}

func TestProcessRefuses(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	tests := map[string]struct {
		change func(p *Process)
		want   string
	}{
		"no program": {func(p *Process) { p.Argv = []string{"/nowhere/etcd"} }, "find program"},
		"no input":   {func(p *Process) { p.Inputs = []string{"/nowhere/ca.crt"} }, "read input: open /nowhere/ca.crt"},
		"address":    {func(p *Process) { p.Listens = []string{taken.Addr().String()} }, "address already in use"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, "serve")
			tt.change(p)
			err := p.Render(t.Context())
			var hint *sdk.HintError
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &hint) {
				t.Errorf("got %v, want %q and a hint", err, tt.want)
			}
		})
	}
}

// TestProcessOutlives kills the whole group of the process that started the
// child, as the engine does with a plugin.
func TestProcessOutlives(t *testing.T) {
	p := newProcess(t, "serve")
	argv := childArgv("start", p.Argv[len(p.Argv)-1], p.LogFile)
	plugin := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	plugin.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := plugin.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_ = syscall.Kill(-plugin.Process.Pid, syscall.SIGKILL)
	if c := mustDiff(t, p); c.Op != sdk.OpNone {
		t.Errorf("after the plugin ended: got %+v, want it running", c)
	}
	p.KeepLog = false
}
