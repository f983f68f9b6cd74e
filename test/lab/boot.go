package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// machine is a running systemd-nspawn and the host's systemd in it.
type machine struct {
	leader int           // the host's first process, as this machine counts
	exited chan struct{} // closed when systemd-nspawn has ended; nil if it is not our child
}

// reap waits for the end of a machine that was killed, so that no zombie stays.
func (m machine) reap() {
	if m.exited != nil {
		<-m.exited
	}
}

// joinGroups is a shell script that moves itself into $1 control groups, which
// follow, and becomes the command after them.
const joinGroups = `n=$1; shift
while [ "$n" -gt 0 ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; n=$((n-1)); done
exec "$@"`

// bootAgain is like joinGroups, but runs systemd-nspawn again when that says that
// its machine has gone down to boot anew.
const bootAgain = `n=$1; shift
while [ "$n" -gt 0 ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; n=$((n-1)); done
while :; do "$@"; code=$?; [ $code -eq 133 ] || exit $code; done`

// inGroups answers the command line that runs args in g.
func inGroups(g groups, args ...string) []string { return scriptIn(g, joinGroups, args...) }

func scriptIn(g groups, script string, args ...string) []string {
	line := []string{"/bin/sh", "-c", script, "sh", strconv.Itoa(len(g))}
	return append(append(line, g...), args...)
}

// boot starts h and returns when its systemd says that it is up.
func (h *Host) boot(ctx context.Context) error {
	if err := h.groups.make(); err != nil {
		return err
	}
	socket := h.path("notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer notify.Close()
	if err := h.startMachine(socket); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bootWithin, fmt.Errorf("no answer within %s", bootWithin))
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- h.waitReady(notify) }()
	select {
	case err = <-ready:
	case <-h.machine.exited:
		err = errors.New("systemd-nspawn ended")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		notify.Close()
		return fmt.Errorf("boot: %w\n%s", err, h.Console())
	}
	return nil
}

// startMachine starts systemd-nspawn, which outlives this process.
func (h *Host) startMachine(notifySocket string) error {
	args := []string{
		"systemd-nspawn", "--directory=" + h.lab.dir.root(h.number), "--boot", "--settings=no",
		"--machine=" + h.lab.dir.machine(h.number), "--hostname=" + h.Name,
		"--register=no", "--keep-unit", "--notify-ready=yes", "--capability=all",
		"--network-namespace-path=" + h.namespace(),
		"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--bind=/dev/kmsg",
	}
	for dir, at := range disks() {
		args = append(args, "--bind="+h.path(dir)+":"+at)
	}
	args = scriptIn(h.groups, bootAgain, args...)
	console, err := os.Create(h.path("console"))
	if err != nil {
		return err
	}
	defer console.Close()
	// No context: the machine lives until its control group is killed.
	cmd := &exec.Cmd{Path: args[0], Args: args, Dir: "/", Stdout: console, Stderr: console}
	cmd.Env = []string{
		"PATH=" + searchPath, "NOTIFY_SOCKET=" + notifySocket,
		"SYSTEMD_SECCOMP=0", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=1",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	h.machine.exited = exited
	go func() {
		_ = cmd.Wait() // it is ended by force, which is no news
		close(exited)
	}()
	return nil
}

// waitReady reads what systemd-nspawn says until the host is up.
func (h *Host) waitReady(notify *net.UnixConn) error {
	buf := make([]byte, 4096)
	for {
		n, err := notify.Read(buf)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(buf[:n])) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch {
			case key == "X_NSPAWN_LEADER_PID":
				if h.machine.leader, err = strconv.Atoi(value); err != nil {
					return fmt.Errorf("read the process of the host: %w", err)
				}
			case key == "READY" && value == "1" && h.machine.leader > 0:
				return nil
			}
		}
	}
}

// Console answers the last lines that the host printed while it booted.
func (h *Host) Console() string {
	text, err := os.ReadFile(h.path("console"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
