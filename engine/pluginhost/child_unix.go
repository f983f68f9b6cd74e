//go:build unix

package pluginhost

import "syscall"

// killGroup kills a process and all its descendants that did not leave its group.
// Numbers that name no group of ours, among them those by which kill means this
// group or all processes, are ignored.
func killGroup(pid int) {
	if pid > 1 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}
