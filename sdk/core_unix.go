//go:build unix

package sdk

import "syscall"

// NoCoreFiles keeps this process and what it starts from leaving core files, which
// would hold its secrets. Only the soft limit is lowered: a program that lives on
// may raise it again.
//
// One byte is too little for any file, and it is the one limit that Linux also heeds
// where a program such as systemd-coredump takes cores from a pipe, to which it hands
// them under a limit of 0, too.
func NoCoreFiles() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit) == nil {
		limit.Cur = min(1, limit.Max)
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit) // lowering it cannot fail
	}
}
