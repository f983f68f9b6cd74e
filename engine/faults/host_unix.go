//go:build unix

package faults

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps a Ctrl-C of the terminal away from a command under test.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
