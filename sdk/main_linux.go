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
	if os.Getpid() != syscall.Getpgrp() {
		return // not started by the engine
	}
	engine := os.Getppid()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	go func() {
		for range signals {
			if os.Getppid() != engine {
				killGroup()
			}
		}
	}()
	onMainThread(func() {
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
	})
}

// onMainThread runs f on the thread that the process began with, of which the
// request to be killed is a property. Early in main it is the current one or idle.
// If it cannot be had, f does not run: the process will be killed, but not its
// children.
func onMainThread(f func()) {
	const attempts = 8 // each holds a thread back, so that the next one gets another
	done := make(chan struct{})
	defer close(done)
	for range attempts {
		found := make(chan bool)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			main := syscall.Gettid() == os.Getpid()
			if main {
				f()
			}
			found <- main
			<-done
		}()
		if <-found {
			return
		}
	}
}
