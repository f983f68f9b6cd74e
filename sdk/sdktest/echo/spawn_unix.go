//go:build unix

package echo

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// spawn starts a child that holds the plugin's stderr for ten minutes.
func spawn(session bool) (pid int, err error) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		return 0, fmt.Errorf("spawn child: %w", err)
	}
	cmd := &exec.Cmd{
		Path: sleep, Args: []string{"sleep", "600"}, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Setsid: session},
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("spawn child: %w", err)
	}
	pid = cmd.Process.Pid // Release forgets it
	return pid, cmd.Process.Release()
}
