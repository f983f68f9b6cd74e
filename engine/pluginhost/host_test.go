//go:build linux

package pluginhost_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestClientShared(t *testing.T) {
	h := newHost(t)
	pids := make([]int, 16)
	var users sync.WaitGroup
	for i := range pids {
		users.Go(func() { pids[i] = h.client(t).PID() })
	}
	users.Wait()
	for _, pid := range pids {
		if pid != pids[0] {
			t.Fatalf("got processes %v, want one", pids)
		}
	}
}

func TestClientIsolated(t *testing.T) {
	h := newHost(t)
	shared := h.client(t)
	own, err := h.Client(t.Context(), pluginhost.Ref{Name: "echo"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if own.PID() == shared.PID() {
		t.Error("the isolated lease shares its process")
	}
	start := time.Now()
	own.Release()
	took(t, "release", start)
	if alive(own.PID()) {
		t.Error("the process outlives its lease")
	}
	shared.Release()
	if !alive(shared.PID()) {
		t.Error("the shared process ended with a lease")
	}
}

func TestCrash(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	other := begin(t, lease.Client, misbehave("sleep", 0))
	start := time.Now()
	_, err := lease.Client.Apply(t.Context(), misbehave("crash", 0), nil)
	took(t, "crash to error", start)

	var crash *pluginhost.CrashError
	if !errors.As(err, &crash) || !errors.Is(err, sdk.ErrNoResult) {
		t.Fatalf("got error %v, want a crash without a result", err)
	}
	if crash.Plugin != "echo" || crash.PID != lease.PID() || crash.Exit != "exit status 2" || crash.Killed {
		t.Errorf("got %+v", crash)
	}
	if len(crash.Lines) == 0 || crash.Lines[0] != "panic: crash on demand" {
		t.Errorf("got last lines %q", crash.Lines)
	}
	within(t, time.Second, "end of the other call", other.done)
	if !errors.Is(other.err, sdk.ErrNoResult) || !errors.As(other.err, &crash) {
		t.Errorf("other call: got error %v", other.err)
	}
	if again := h.client(t); again.PID() == lease.PID() || !alive(again.PID()) {
		t.Error("the next lease is of the dead process")
	}
	crash = nil
	if _, err := lease.Client.Plan(t.Context(), sdk.PlanRequest{Type: "say", Config: say("x").Config}); !errors.As(err, &crash) {
		t.Errorf("a call through the old lease: got error %v", err)
	}
	if d := lease.Diagnosis(); d == nil || d.Exit != "exit status 2" {
		t.Errorf("got diagnosis %v", d)
	}
}

func TestKill(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	stuck := begin(t, lease.Client, misbehave("ignore_cancel", 0))
	if known, err := lease.Client.Cancel(t.Context(), misbehave("ignore_cancel", 0).ID, "test"); !known || err != nil {
		t.Fatalf("cancel: got %v, %v", known, err)
	}
	start := time.Now()
	lease.Kill()
	within(t, time.Second, "end of the call", stuck.done)
	took(t, "kill to error", start)
	var crash *pluginhost.CrashError
	if !errors.As(stuck.err, &crash) || !crash.Killed || !errors.Is(stuck.err, sdk.ErrNoResult) {
		t.Errorf("got error %v", stuck.err)
	}
}

func TestCancel(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	sleeping := begin(t, lease.Client, misbehave("sleep", 0))
	start := time.Now()
	if known, err := lease.Client.Cancel(t.Context(), misbehave("sleep", 0).ID, "test"); !known || err != nil {
		t.Fatalf("cancel: got %v, %v", known, err)
	}
	within(t, time.Second, "end of the call", sleeping.done)
	took(t, "cancel to result", start)
	if sleeping.err != nil || sleeping.result.Status != sdk.StatusCancelled {
		t.Errorf("got %v, %v", sleeping.result.Status, sleeping.err)
	}
}

func TestCloseStopped(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	running := begin(t, lease.Client, misbehave("sleep", 0))
	stop(t, lease.PID())

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := lease.Health(ctx); err == nil {
		t.Error("a stopped plugin is well")
	}
	start := time.Now()
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	took(t, "close of a stopped plugin", start)
	within(t, time.Second, "end of the call", running.done)
	var crash *pluginhost.CrashError
	if !errors.As(running.err, &crash) || !crash.Killed {
		t.Errorf("got error %v", running.err)
	}
	if alive(lease.PID()) {
		t.Error("the plugin lives")
	}
}

func TestCloseHurry(t *testing.T) {
	h := newHost(t, func(o *pluginhost.Options) { o.StopGrace = time.Minute })
	stop(t, h.client(t).PID())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
	took(t, "close with a cancelled context", start)
}

func TestGrandchild(t *testing.T) {
	tests := map[string]struct {
		how   string
		lives bool
	}{
		"in the group":       {how: "spawn"},
		"in its own session": {how: "spawn_session", lives: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			result, err := h.client(t).Client.Apply(t.Context(), misbehave(tt.how, 0), nil)
			if err != nil {
				t.Fatal(err)
			}
			child, _ := result.Outputs.GetAttr("pid").AsBigFloat().Int64()
			endLater(t, int(child))
			start := time.Now()
			if err := h.Close(t.Context()); err != nil {
				t.Error(err)
			}
			took(t, "close while a child holds stderr", start)
			if !tt.lives {
				eventually(t, "the child is dead", func() bool { return !alive(int(child)) })
			} else if !alive(int(child)) {
				t.Error("the child is dead")
			}
		})
	}
}

// A plugin that crashes again and again is not started for ever.
func TestCrashLoop(t *testing.T) {
	h := newHost(t)
	var err error
	crashes := 0
	for ; err == nil && crashes < 100; crashes++ {
		var lease pluginhost.Lease
		if lease, err = h.Client(t.Context(), pluginhost.Ref{Name: "echo"}, false); err != nil {
			break
		}
		_, _ = lease.Client.Apply(t.Context(), misbehave("crash", 0), nil) // fails in any case
		within(t, time.Second, "end of the process", lease.Died())
	}
	if !errors.Is(err, pluginhost.ErrCrashes) || crashes < 10 {
		t.Errorf("after %d crashes: got error %v, want %v", crashes, err, pluginhost.ErrCrashes)
	}
}
