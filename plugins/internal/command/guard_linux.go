package command

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// guarding is what a guard does: it reads the number of a process group, then waits
// for a line. If the other end is closed before that comes, it kills the group.
const guarding = `read -r group && { read -r _ || kill -s KILL -- "-$group"; }`

// guard is a process that ends a command's process group when this process dies
// before the command does: the kernel kills the command itself then, and leaves its
// children.
type guard struct {
	line io.WriteCloser // closes when this process dies, however it dies
	cmd  *exec.Cmd
}

// newGuard starts a guard in a session of its own, where nobody kills it together
// with others. There is none on a host without a shell.
func newGuard() *guard {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil
	}
	g := &guard{line: ours, cmd: &exec.Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", guarding}, Env: []string{}, Dir: "/", Stdin: theirs,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}}
	err = g.cmd.Start()
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return nil
	}
	return g
}

// watch tells the guard which group it is about.
func (g *guard) watch(pid int) {
	if g != nil {
		_, _ = fmt.Fprintln(g.line, pid)
	}
}

// dismiss ends the guard: the command has ended, or was never started.
func (g *guard) dismiss() {
	if g != nil {
		_, _ = fmt.Fprint(g.line, "\n\n") // two, in case that it was told no group
		_ = g.line.Close()
		_ = g.cmd.Wait()
	}
}
