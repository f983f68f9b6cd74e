//go:build unix

package resource

import "syscall"

// ownSession lets a program lead a session of its own, so that it outlives this
// one.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
