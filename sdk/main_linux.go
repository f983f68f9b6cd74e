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
	onMainThread(func() { // before anything else: os/signal keeps a thread for itself
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
	})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	go func() {
		for range signals {
			if os.Getppid() != engine {
				killGroup()
			}
		}
	}()
}

// onMainThread runs f on the thread that the process began with, of which the
// request to be killed is a property. At the start of main it is the current one,
// or idle and found by holding others back. Should it be neither, f does not run
// and the request stands: the process will be killed, but not its children.
func onMainThread(f func()) {
	const attempts = 8
	done := make(chan struct{})
	defer close(done)
	try := func() bool {
		runtime.LockOSThread()
		main := syscall.Gettid() == os.Getpid()
		if main {
			f()
		}
		return main
	}
	defer runtime.UnlockOSThread() // after the first try
	if try() {
		return
	}
	for range attempts {
		found := make(chan bool)
		go func() {
			defer runtime.UnlockOSThread()
			found <- try()
			<-done
		}()
		if <-found {
			return
		}
	}
}
