package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Command is like exec.CommandContext, but what it runs runs in h as root, with
// h's environment: nothing of this process' is there, except what the caller
// appends to Env. The error of a command that ran and failed is *exec.ExitError.
//
// When ctx ends, the command and those that it started, except daemons, are
// killed, and Wait says so as exec.Cmd does.
func (h *Host) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := h.command(ctx, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// Terminal is Command for people: it stays in the process group of the
// terminal that this process has, so that keys reach it.
func (h *Host) Terminal(ctx context.Context, args ...string) *exec.Cmd {
	cmd := h.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(cmd.Env, "TERM="+os.Getenv("TERM"))
	return cmd
}

func (h *Host) command(ctx context.Context, args ...string) *exec.Cmd {
	g, err := groupsFor(h.machine.leader)
	enter := []string{
		"nsenter", "--target", strconv.Itoa(h.machine.leader), "--mount", "--uts", "--ipc",
		"--net", "--pid", "--cgroup", "--root", "--wd", "--",
	}
	line := inGroups(g, append(enter, args...)...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = []string{"PATH=" + searchPath, "HOME=/root", "LANG=C.UTF-8", "KUBECONFIG=/etc/kubernetes/admin.conf"}
	cmd.WaitDelay = 5 * time.Second
	if err != nil {
		cmd.Err = fmt.Errorf("host %s is not running: %w", h.Name, err)
	}
	return cmd
}

// Run runs args in h and answers what they printed to standard output. The
// error says what they printed to standard error.
func (h *Host) Run(ctx context.Context, args ...string) (string, error) {
	return h.run(ctx, h.Command(ctx, args...), args)
}

func (h *Host) run(ctx context.Context, cmd *exec.Cmd, args []string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		said := strings.TrimSpace(stderr.String())
		return stdout.String(), fmt.Errorf("%s: run %s: %w\n%s", h.Name, strings.Join(args, " "), err, said[max(0, len(said)-4096):])
	}
	return stdout.String(), nil
}

// Shell runs a script of sh in h.
func (h *Host) Shell(ctx context.Context, script string) (string, error) {
	return h.Run(ctx, "sh", "-euc", script)
}

// Put writes a file in h, whole or not at all, and the directories above it.
func (h *Host) Put(ctx context.Context, name string, mode fs.FileMode, content io.Reader) error {
	const script = `mkdir -p "$(dirname "$1")"; umask 077; cat >"$1.part"; chmod "$2" "$1.part"; mv "$1.part" "$1"`
	args := []string{"sh", "-euc", script, "sh", name, fmt.Sprintf("%o", mode.Perm())}
	cmd := h.Command(ctx, args...)
	cmd.Stdin = content
	_, err := h.run(ctx, cmd, []string{"put", name})
	return err
}

// Get answers the content of a file in h. The error is fs.ErrNotExist if there is none.
func (h *Host) Get(ctx context.Context, name string) ([]byte, error) {
	const script = `[ -e "$1" ] || exit 44; exec cat "$1"`
	out, err := h.run(ctx, h.Command(ctx, "sh", "-euc", script, "sh", name), []string{"get", name})
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 44 {
		err = fmt.Errorf("%s: get %s: %w", h.Name, name, fs.ErrNotExist)
	}
	return []byte(out), err
}

// Unpack unpacks a .tar.gz of this machine, such as make dist makes, into a
// directory of h.
func (h *Host) Unpack(ctx context.Context, archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := h.Command(ctx, "sh", "-euc", `mkdir -p "$1"; exec tar -xz -C "$1"`, "sh", dir)
	cmd.Stdin = f
	_, err = h.run(ctx, cmd, []string{"unpack", path.Base(archive)})
	return err
}

// Journal answers the last lines of the journal of units, or of all, for
// reports of failures.
func (h *Host) Journal(ctx context.Context, lines int, units ...string) string {
	args := []string{"journalctl", "--no-pager", "--output=short-precise", "--lines=" + strconv.Itoa(lines)}
	for _, unit := range units {
		args = append(args, "--unit="+unit)
	}
	out, err := h.Run(ctx, args...)
	if err != nil {
		return out + err.Error()
	}
	return out
}
