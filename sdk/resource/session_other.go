//go:build !unix

package resource

import "syscall"

// ownSession has nothing to ask for: no program is started here, see bootID.
func ownSession() *syscall.SysProcAttr { return nil }
