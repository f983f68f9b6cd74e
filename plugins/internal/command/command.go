// Package command runs a program to its end: it shows the output line by line as
// log events while it comes, keeps the last of it, and ends the program with all
// its children when the phase is cancelled.
//
// It judges nothing: which exit code is good is for the caller to say. Programs
// that outlive the phase are of package sdk/resource.
package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

// DefaultGrace is how long a cancelled program may take to end after SIGTERM
// before it is killed. It is shorter than [sdk.DefaultCancelGrace].
const DefaultGrace = 5 * time.Second

// defaultPath is the search path of programs when the plugin has none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Command is a program to run. Argv is required.
type Command struct {
	Argv []string
	// Env is added to PATH and HOME; nothing else of the plugin's environment is
	// passed on.
	Env map[string]string
	// Dir is the working directory; empty means that of the plugin.
	Dir   string
	Stdin string
	// Quiet keeps the output out of the log, as it may hold secrets.
	Quiet bool
	// Grace is the time between SIGTERM and SIGKILL when the context ends. Zero
	// means [DefaultGrace].
	Grace time.Duration
}

// Result is how a program ended.
type Result struct {
	// Code is the exit code; -1 if a signal ended it.
	Code int
	// Stdout and Stderr hold the last [Kept] bytes, without trailing newlines.
	Stdout, Stderr string
	// State is the end in words: "exit status 3", "signal: killed".
	State string
}

// Run runs c until it ends. The error says that it could not be started or that
// ctx ended first; a program that fails by itself is no error.
//
// Children that c leaves behind in its process group are let live, unless ctx
// ended; if they hold its output open, Run does not wait for them.
func (c Command) Run(ctx context.Context) (Result, error) {
	name := filepath.Base(c.Argv[0])
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env, cmd.Dir = c.environ(), c.Dir
	cmd.WaitDelay = c.Grace
	if cmd.WaitDelay <= 0 {
		cmd.WaitDelay = DefaultGrace
	}
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	stdout, stderr := c.output(ctx, "stdout"), c.output(ctx, "stderr")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	setGroup(cmd)

	// The kernel ends the child when the thread that started it does, so the
	// thread has to stay. The guard sees to the child's children.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	children := newGuard()
	defer children.dismiss()
	if err := cmd.Start(); err != nil {
		return Result{}, startError(cmd, err)
	}
	children.watch(cmd.Process.Pid)
	err := cmd.Wait()
	stdout.flush()
	stderr.flush()
	result := Result{
		Code: cmd.ProcessState.ExitCode(), State: cmd.ProcessState.String(),
		Stdout: stdout.kept(), Stderr: stderr.kept(),
	}
	if ctx.Err() != nil {
		killGroup(cmd)
		return result, fmt.Errorf("run %s: %w", name, context.Cause(ctx))
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		zerolog.Ctx(ctx).Warn().Msgf("%s ended, but left a process behind that keeps its output open", name)
		return result, nil
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result, fmt.Errorf("run %s: %w", name, err)
	}
	return result, nil
}

// startError says what is missing: the kernel blames the program when it is the
// working directory.
func startError(cmd *exec.Cmd, err error) error {
	name := filepath.Base(cmd.Args[0])
	if errors.Is(err, exec.ErrNotFound) {
		return sdk.Hint(fmt.Errorf("start %s: %w", name, err), fmt.Sprintf("Install %s, or give its whole path.", name))
	}
	if cmd.Dir != "" {
		if _, dirErr := os.Stat(cmd.Dir); dirErr != nil {
			return fmt.Errorf("start %s: find its working directory: %w", name, dirErr)
		}
	}
	return fmt.Errorf("start %s: %w", name, err)
}

func (c Command) output(ctx context.Context, stream string) *output {
	if c.Quiet {
		return &output{show: func([]byte) {}}
	}
	return &output{show: func(line []byte) { sdk.Emit(ctx, sdk.ParseLog(line, stream)) }}
}

func (c Command) environ() []string {
	env := map[string]string{"PATH": defaultPath}
	for _, name := range []string{"PATH", "HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	maps.Copy(env, c.Env)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// LastLines returns the end of what the program said, stderr if it said anything
// there, else stdout: at most n lines.
func (r Result) LastLines(n int) string {
	text := r.Stderr
	if strings.TrimSpace(text) == "" {
		text = r.Stdout
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
