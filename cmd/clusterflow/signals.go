package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/engine/run"
)

// signals turns Ctrl-C into three steps: the first stops a run in order, the
// second cuts short the grace of its plugins, the third kills them with all they
// started and ends clusterflow at once. What was done is in the journal in any
// case. SIGTERM counts as Ctrl-C, but the second step follows by itself before a
// service manager loses patience. SIGHUP is ignored: a lost terminal does not stop
// a run.
type signals struct {
	now  chan struct{} // closed by the second one
	quit chan struct{}
	done chan struct{}
	last atomic.Pointer[func()] // called by the third one
}

func watchSignals(stop context.CancelCauseFunc) *signals {
	s := &signals{now: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	signal.Ignore(syscall.SIGHUP)
	arrived := make(chan os.Signal, 4)
	signal.Notify(arrived, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(s.done)
		defer signal.Stop(arrived)
		s.watch(arrived, stop)
	}()
	return s
}

func (s *signals) watch(arrived <-chan os.Signal, stop context.CancelCauseFunc) {
	var late <-chan time.Time
	cause := run.ErrInterrupted
	for count := 0; ; {
		select {
		case sig := <-arrived:
			count++
			if sig == syscall.SIGTERM && count == 1 {
				cause = run.ErrTerminated
				timer := time.NewTimer(run.StopLimit)
				defer timer.Stop()
				late = timer.C
			}
		case <-late:
			if late = nil; count > 1 {
				continue
			}
			count = 2
		case <-s.quit:
			return
		}
		switch count {
		case 1:
			stop(cause)
		case 2:
			close(s.now)
		default:
			if kill := s.last.Load(); kill != nil {
				(*kill)()
			}
			os.Exit(exitInterrupted)
		}
	}
}

// onLast sets what the third signal does before it ends the process.
func (s *signals) onLast(kill func()) { s.last.Store(&kill) }

func (s *signals) close() {
	close(s.quit)
	<-s.done
}
