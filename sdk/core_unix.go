//go:build unix

package sdk

import "syscall"

// NoCoreFiles keeps this process and what it starts from leaving core files, which
// would hold its secrets. Only the soft limit is lowered: a program that lives on
// may raise it again.
func NoCoreFiles() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit) // lowering it cannot fail
	}
}
