package command

import (
	"os/exec"
	"syscall"
)

// setGroup gives the child a process group of its own, which a cancelled context
// ends by SIGTERM, and makes the child die with the plugin.
func setGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// killGroup ends what is left of the child's group. Its number cannot belong to
// anybody else while a member lives.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
