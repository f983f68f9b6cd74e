package kubeapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// CallTimeout is how long an API call is repeated: 1 min, the default of
// kubeadm's timeouts.kubernetesAPICall.
const CallTimeout = time.Minute

const (
	firstWait = 50 * time.Millisecond
	lastWait  = 500 * time.Millisecond // kubeadm's interval
	// oddWithin is how long an [odd] answer is taken for a passing trouble: 5 s,
	// enough for etcd to choose another leader.
	oddWithin = 5 * time.Second
)

// Retry calls try until it succeeds, its error is [Hopeless] or made by [Stop],
// the time is up or ctx ends. The pauses grow from 50 to 500 ms. The error tells
// the last answer; a hopeless one is an [sdk.PermanentError].
func Retry(ctx context.Context, within time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("gave up after %s", within))
	defer cancel()
	var last error
	begin := time.Now()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := try(ctx)
		var stop *stopError
		switch {
		case err == nil || errors.As(err, &stop):
			return err
		case odd(err) && time.Since(begin) > oddWithin:
			return err
		case Hopeless(err):
			return sdk.Permanent(err)
		}
		if ctx.Err() == nil || last == nil { // a request cut short tells nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last answer: %w", context.Cause(ctx), last)
		case <-time.After(wait):
		}
	}
}

// Stop marks an error that ends [Retry] at once, though a later run of the phase
// may well succeed; nil stays nil.
func Stop(err error) error {
	if err == nil {
		return nil
	}
	return &stopError{err}
}

type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }
