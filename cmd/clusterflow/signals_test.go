package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterflow/clusterflow/engine/run"
)

// SIGTERM gets more urgent by itself, in time for a service manager that waits
// 90 s; Ctrl-C waits for whoever pressed it.
func TestSignalsAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		signal  os.Signal
		hurries bool
	}{
		"SIGTERM": {syscall.SIGTERM, true},
		"Ctrl-C":  {os.Interrupt, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancelCause(t.Context())
				arrived := make(chan os.Signal)
				s := &signals{now: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
				go func() {
					defer close(s.done)
					s.watch(arrived, stop)
				}()
				arrived <- tt.signal
				synctest.Wait()
				if !errors.Is(context.Cause(ctx), run.ErrInterrupted) {
					t.Errorf("after the signal: got %v", context.Cause(ctx))
				}
				if hurried(s) {
					t.Error("it hurries at once")
				}
				<-time.After(80 * time.Second)
				synctest.Wait()
				if got := hurried(s); got != tt.hurries {
					t.Errorf("after 80 s: got hurried %v, want %v", got, tt.hurries)
				}
				s.close()
			})
		})
	}
}

func hurried(s *signals) bool {
	select {
	case <-s.now:
		return true
	default:
		return false
	}
}
