package resource

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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

func TestProcessLife(t *testing.T) {
	p := newProcess(t, "serve")
	if c := mustDiff(t, p); c.Op != sdk.OpCreate || c.Reason != "not running" {
		t.Errorf("before start: got %+v", c)
	}
	mustRender(t, p)
	if info, err := os.Stat(p.LogFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: got %v, %v, want mode 0600", info, err)
	}
	if c := mustDiff(t, again(t, p)); c.Op != sdk.OpNone {
		t.Errorf("while it runs: got %+v, want no change", c)
	}
	lost := again(t, p)
	lost.Started = Started{}
	if c := mustDiff(t, lost); c.Op != sdk.OpNone || lost.Started.PID != p.Started.PID {
		t.Errorf("without a record: got %+v and pid %d, want no change and %d", c, lost.Started.PID, p.Started.PID)
	}
	if err := syscall.Kill(p.Started.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitGone(t, p.Started)
	want := fmt.Sprintf("pid %d is gone", p.Started.PID)
	if c := mustDiff(t, again(t, p)); c.Op != sdk.OpCreate || c.Reason != want {
		t.Errorf("after it was killed: got %+v, want %s", c, want)
	}
	if err := again(t, p).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(p.LogFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("log directory after Remove: got %v, want it gone", err)
	}
}

func waitGone(t *testing.T, s Started) {
	t.Helper()
	if gone, err := s.waitGone(t.Context(), 10*time.Second); !gone || err != nil {
		t.Fatalf("pid %d: gone %v, %v", s.PID, gone, err)
	}
}

func TestProcessRestarts(t *testing.T) {
	input := filepath.Join(t.TempDir(), "tls.crt")
	write(t, input, "one")
	tests := map[string]struct {
		change func(p *Process)
		want   string
	}{
		"argument": {func(p *Process) { p.Argv = append(p.Argv, "--verbose=2") }, "command line: --verbose"},
		"input":    {func(*Process) { write(t, input, "two") }, "changed since it started: " + input},
		"no input": {func(p *Process) { p.Inputs = nil }, "changed since it started: " + input},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			write(t, input, "one")
			p := newProcess(t, "serve")
			p.Inputs = []string{input}
			mustRender(t, p)
			old := p.Started
			next := again(t, p)
			tt.change(next)
			if c := mustDiff(t, next); c.Op != sdk.OpUpdate || !c.Disruptive || c.Reason != tt.want {
				t.Errorf("Diff: got %+v, want an update: %s", c, tt.want)
			}
			next = again(t, next) // apply sees the record that plan wrote
			mustRender(t, next)
			*p = *next // so that the cleanup removes the new one
			if old.runs() {
				t.Errorf("pid %d still runs", old.PID)
			}
			if c := mustDiff(t, again(t, next)); c.Op != sdk.OpNone {
				t.Errorf("after restart: got %+v, want no change", c)
			}
		})
	}
}

func TestProcessProgramReplaced(t *testing.T) {
	p := newProcess(t, "serve")
	program := filepath.Join(t.TempDir(), "program")
	for range 2 { // the second copy has another inode
		data, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(program, data, 0o755); err != nil {
			t.Fatal(err)
		}
		if p.Started.PID == 0 {
			p.Argv[0] = program
			mustRender(t, p)
		}
	}
	want := "program " + program + " was replaced"
	if c := mustDiff(t, p); c.Op != sdk.OpUpdate || c.Reason != want {
		t.Errorf("Diff: got %+v, want %q", c, want)
	}
}

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
			p.Ready = ready
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
	next.Ready = func(context.Context) error {
		_ = syscall.Kill(p.Started.PID, syscall.SIGKILL)
		return errors.New("warming up")
	}
	if err := next.Render(t.Context()); err == nil || !strings.Contains(err.Error(), "ended before it was ready") {
		t.Errorf("while it dies: got %v", err)
	}
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

func TestProcessKillsTheStubborn(t *testing.T) {
	p := newProcess(t, "stubborn")
	p.StopTimeout = 50 * time.Millisecond
	mustRender(t, p)
	if err := p.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Started.runs() {
		t.Errorf("pid %d survived", p.Started.PID)
	}
}

func TestProcessNeverSignalsAnother(t *testing.T) {
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, "serve")
	p.Started = Started{PID: os.Getpid(), Ticks: 1, Boot: boot, Argv: p.Argv} // our pid, used again
	if c := mustDiff(t, p); c.Op != sdk.OpCreate {
		t.Errorf("Diff: got %+v, want a start", c)
	}
	if err := p.Remove(t.Context()); err != nil {
		t.Error(err)
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

func TestProcessRecall(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	write(t, log, "old")
	tests := map[string]struct {
		entry Entry
		keep  bool
	}{
		"first run":   {Entry{}, true},
		"ours":        {Entry{Kind: "process", Target: "p", Made: true, State: []byte(`{}`)}, false},
		"not ours":    {Entry{Kind: "process", Target: "p", State: []byte(`{}`)}, true},
		"broken":      {Entry{Kind: "process", Target: "p", Made: true, State: []byte(`[]`)}, true},
		"ours, kept":  {Entry{Kind: "process", Target: "p", Made: true, State: []byte(`{"keep_log":true}`)}, true},
		"other phase": {Entry{Kind: "process", Target: "q", Made: true, State: []byte(`{}`)}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := (&Process{Name: "p", Argv: []string{"/nowhere/p"}, LogFile: log}).Recall(Record{Entries: []Entry{tt.entry}})
			if mustDiff(t, p); p.KeepLog != tt.keep {
				t.Errorf("KeepLog: got %v, want %v", p.KeepLog, tt.keep)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
