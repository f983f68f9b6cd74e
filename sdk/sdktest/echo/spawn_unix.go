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
	cmd := exec.Command("sleep", "600")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: session}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("spawn child: %w", err)
	}
	pid = cmd.Process.Pid // Release forgets it
	return pid, cmd.Process.Release()
}
