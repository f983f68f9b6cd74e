package sdk

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// followEngine prepares the process for the death of the engine, which has told
// the kernel to kill it then. That would leave its children behind. So it asks for
// a signal instead that it can act on, and kills its whole group. Signals from
// elsewhere are ignored: when a service manager stops all processes of a unit, the
// engine decides what a plugin does.
func followEngine() {
	runtime.LockOSThread() // the request is one of a thread
	defer runtime.UnlockOSThread()
	if os.Getpid() != syscall.Getpgrp() || syscall.Gettid() != os.Getpid() {
		return // not started by the engine, or not on the thread that was marked
	}
	engine := os.Getppid()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0); errno != 0 {
		return // the old request stands
	}
	go func() {
		for range signals {
			if os.Getppid() != engine {
				killGroup()
			}
		}
	}()
}
