package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/clusterflow/clusterflow/engine/run"
)

// signals turns Ctrl-C into three steps: the first stops a run in order, the
// second cuts short the grace of its plugins, the third ends clusterflow at once.
// What was done is in the journal in any case. SIGTERM counts as Ctrl-C, SIGHUP
// is ignored: a lost terminal does not stop a run.
type signals struct {
	now  chan struct{} // closed by the second one
	quit chan struct{}
	done chan struct{}
}

func watchSignals(stop context.CancelCauseFunc) *signals {
	s := &signals{now: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	signal.Ignore(syscall.SIGHUP)
	arrived := make(chan os.Signal, 4)
	signal.Notify(arrived, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(s.done)
		defer signal.Stop(arrived)
		for count := 1; ; count++ {
			select {
			case <-arrived:
			case <-s.quit:
				return
			}
			switch count {
			case 1:
				stop(run.ErrInterrupted)
			case 2:
				close(s.now)
			default:
				os.Exit(exitInterrupted)
			}
		}
	}()
	return s
}

func (s *signals) close() {
	close(s.quit)
	<-s.done
}
