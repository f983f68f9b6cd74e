//go:build unix

package sdktest

import (
	"os"
	"os/exec"
	"syscall"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process that was started with ownGroup, and its children.
func killGroup(p *os.Process) {
	if p.Pid > 1 { // smaller numbers mean this group, or every process there is
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	}
}
