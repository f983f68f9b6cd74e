package run

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// lateClient takes note of a Cancel only when it is told for the n-th time.
type lateClient struct {
	sdk.Client
	after  int32
	err    error
	told   atomic.Int32
	cancel chan struct{}
}

func (c *lateClient) Cancel(context.Context, sdk.Ident, string) (bool, error) {
	if c.err != nil {
		return false, c.err
	}
	if c.told.Add(1) < c.after {
		return false, nil
	}
	close(c.cancel)
	return true, nil
}

// A Cancel may overtake the call that it is meant for, so it is repeated.
func TestCancelOvertakesCall(t *testing.T) {
	client := &lateClient{after: 3, cancel: make(chan struct{})}
	ctx, stop := context.WithCancelCause(t.Context())
	result, err := call{
		lease: Lease{Client: client, Kill: func(<-chan struct{}) { t.Error("killed") }}, grace: time.Hour,
		do: func(ctx context.Context) (sdk.Result, error) {
			stop(ErrInterrupted)
			<-client.cancel
			return sdk.Result{Status: sdk.StatusCancelled}, context.Cause(ctx) // not cancelled itself
		},
	}.run(ctx)
	if result.Status != sdk.StatusCancelled || err != nil || client.told.Load() != 3 {
		t.Errorf("got %v, %v, told %d times", result.Status, err, client.told.Load())
	}
}

// A plugin that cannot be asked is killed at once.
func TestCancelFails(t *testing.T) {
	client := &lateClient{err: errors.New("no answer")}
	killed := make(chan struct{})
	ctx, stop := context.WithCancelCause(t.Context())
	_, err := call{
		lease: Lease{Client: client, Kill: func(<-chan struct{}) { close(killed) }}, grace: time.Hour,
		do: func(context.Context) (sdk.Result, error) {
			stop(&TimeoutError{After: time.Second})
			<-killed
			return sdk.Result{}, sdk.ErrNoResult
		},
	}.run(ctx)
	want := "timed out after 1s, and did not stop when asked to: the plugin ended the call without a result"
	if !errors.Is(err, sdk.ErrNoResult) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
