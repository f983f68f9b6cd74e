package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

func sh(script string) []string { return []string{"sh", "-c", script} }

// logged returns a context that collects log events.
func logged(t *testing.T) (context.Context, func() []sdk.Log) {
	t.Helper()
	var mu sync.Mutex
	var logs []sdk.Log
	ctx := sdk.WithEmitter(t.Context(), func(e sdk.Event) {
		mu.Lock()
		defer mu.Unlock()
		if l, ok := e.(sdk.Log); ok {
			logs = append(logs, l)
		}
	})
	return ctx, func() []sdk.Log { mu.Lock(); defer mu.Unlock(); return logs }
}

func TestRun(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	t.Setenv("SECRET", "s3cret")
	dir := t.TempDir()
	tests := map[string]struct {
		command Command
		want    Result
	}{
		"streams":   {Command{Argv: sh("echo out; echo err >&2")}, Result{Stdout: "out", Stderr: "err", State: "exit status 0"}},
		"exit code": {Command{Argv: sh("exit 3")}, Result{Code: 3, State: "exit status 3"}},
		"signal":    {Command{Argv: sh("kill -KILL $$")}, Result{Code: -1, State: "signal: killed"}},
		"stdin":     {Command{Argv: []string{"cat"}, Stdin: "a\nb\n"}, Result{Stdout: "a\nb", State: "exit status 0"}},
		"no stdin":  {Command{Argv: []string{"cat"}}, Result{State: "exit status 0"}},
		"unread":    {Command{Argv: []string{"true"}, Stdin: strings.Repeat("x", 1<<20)}, Result{State: "exit status 0"}},
		"dir":       {Command{Argv: sh("pwd"), Dir: dir}, Result{Stdout: dir, State: "exit status 0"}},
		"env":       {Command{Argv: sh("echo $HOME $SECRET $MINE"), Env: map[string]string{"MINE": "m"}}, Result{Stdout: "/home/me m", State: "exit status 0"}},
		"env wins":  {Command{Argv: sh("echo $HOME"), Env: map[string]string{"HOME": "/"}}, Result{Stdout: "/", State: "exit status 0"}},
		"not utf-8": {Command{Argv: sh(`printf '\377x'`)}, Result{Stdout: "\uFFFDx", State: "exit status 0"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.command.Run(t.Context())
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestRunLogs(t *testing.T) {
	ctx, logs := logged(t)
	script := `echo one; echo '{"level":"warn","message":"two","disk":"sda"}'; printf three`
	if _, err := (Command{Argv: sh(script)}).Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := logs()
	if len(got) != 3 || got[0].Message != "one" || got[0].Stream != "stdout" || got[1].Level != "warn" || got[2].Message != "three" {
		t.Errorf("got %+v", got)
	}
	ctx, logs = logged(t)
	result, err := Command{Argv: sh("echo s3cret"), Quiet: true}.Run(ctx)
	if err != nil || result.Stdout != "s3cret" || len(logs()) != 0 {
		t.Errorf("quiet: got %+v, %v and logs %+v", result, err, logs())
	}
}

func TestRunMemoryIsBounded(t *testing.T) {
	ctx, logs := logged(t)
	result, err := Command{Argv: sh("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")}.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Stdout) > Kept || !strings.HasSuffix(result.Stdout, "xx\nend") {
		t.Errorf("kept %d bytes, ending in %q", len(result.Stdout), result.Stdout[len(result.Stdout)-10:])
	}
	got := logs()
	if len(got) != 2 || len(got[0].Message) > sdk.MaxLogLine+10 || got[1].Message != "end" {
		t.Errorf("got %d lines, the first of %d bytes", len(got), len(got[0].Message))
	}
}

func TestRunErrors(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(notExecutable, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var hint *sdk.HintError
	_, err := Command{Argv: []string{"no-such-program"}}.Run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "start no-such-program: ") || !errors.As(err, &hint) {
		t.Errorf("got %v, want a hint", err)
	}
	if _, err := (Command{Argv: []string{notExecutable}}).Run(t.Context()); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v, want it to be about the permission", err)
	}
}

// TestCancelEndsTheWholeGroup has a grandchild that ignores SIGTERM.
func TestCancelEndsTheWholeGroup(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	ctx, cancel := context.WithCancelCause(t.Context())
	started := make(chan string, 1)
	ctx = sdk.WithEmitter(ctx, func(e sdk.Event) {
		if l, ok := e.(sdk.Log); ok && l.Message == "ready" {
			text, err := os.ReadFile(pids)
			if err != nil {
				t.Error(err)
			}
			started <- string(text)
			cancel(errors.New("enough"))
		}
	})
	script := `(trap '' TERM; echo $$ > ` + pids + `; sh -c 'echo $PPID $$ > ` + pids + `; echo ready; while :; do sleep 1; done')`
	result, err := Command{Argv: sh(script), Grace: 50 * time.Millisecond}.Run(ctx)
	if err == nil || err.Error() != "run sh: enough" {
		t.Errorf("got %+v, %v", result, err)
	}
	for _, field := range strings.Fields(<-started) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		waitGone(t, pid)
	}
}

// waitGone waits until the kernel has ended a process that was killed.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for syscall.Kill(pid, 0) == nil && !zombie(pid) {
		select {
		case <-ctx.Done():
			t.Fatalf("process %d still runs", pid)
		case <-tick.C:
		}
	}
}

// zombie reports a process that ended but was not reaped: init may be slow.
func zombie(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(text), ") Z ")
}

func TestCancelLetsItEndByItself(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ctx = sdk.WithEmitter(ctx, func(e sdk.Event) {
		if l, ok := e.(sdk.Log); ok && l.Message == "ready" {
			cancel(errors.New("enough"))
		}
	})
	script := `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done`
	result, err := Command{Argv: sh(script), Grace: time.Minute}.Run(ctx)
	if err == nil || result.Stdout != "ready\nbye" {
		t.Errorf("got %+v, %v", result, err)
	}
}

// TestChildThatStays does not wait for a process that keeps the output open.
func TestChildThatStays(t *testing.T) {
	ctx, logs := logged(t)
	result, err := Command{Argv: sh(`sleep 600 & echo $!`), Grace: 10 * time.Millisecond}.Run(ctx)
	if err != nil || result.Code != 0 {
		t.Fatalf("got %+v, %v", result, err)
	}
	pid, err := strconv.Atoi(logs()[0].Message)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("it was ended: %v", err)
	}
}

func TestLastLines(t *testing.T) {
	tests := map[string]struct {
		result Result
		want   string
	}{
		"stderr first": {Result{Stdout: "out", Stderr: "err"}, "err"},
		"stdout":       {Result{Stdout: "out", Stderr: " \n"}, "out"},
		"last":         {Result{Stderr: "1\n2\n3\n"}, "2\n3"},
		"nothing":      {Result{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.result.LastLines(2); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("a\nb"), 1)
	f.Add([]byte("\n\n"), 2)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var lines []string
		o := &output{show: func(line []byte) { lines = append(lines, string(line)) }}
		size = max(1, size%100)
		for rest := data; len(rest) > 0; {
			n, err := o.Write(rest[:min(size, len(rest))])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		o.flush()
		want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		if len(data) == 0 {
			want = nil
		}
		if len(data) < sdk.MaxLogLine && strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q, want %q", lines, want)
		}
	})
}
