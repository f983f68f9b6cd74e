package run

import (
	"time"

	"github.com/clusterflow/clusterflow/engine/expand"
)

// retries counts the attempts of one phase. A plugin that crashed while a
// repeatable phase ran is given one more attempt, in a process of its own,
// whatever the phase says.
type retries struct {
	attempts int // allowed in all
	made     int
	crashed  bool
	pause    time.Duration // before the next attempt
	longest  time.Duration
}

func newRetries(r *expand.Retry) *retries {
	if r == nil {
		return &retries{attempts: 1}
	}
	return &retries{attempts: max(1, r.Attempts), pause: r.Min, longest: max(r.Min, r.Max)}
}

// next tells whether to try again, and after which pause.
func (r *retries) next(last attemptStatus, stopping bool) (time.Duration, bool) {
	r.made++
	if stopping {
		return 0, false
	}
	switch {
	case last == attemptCrashed && !r.crashed:
		r.crashed = true
		r.attempts = max(r.attempts, r.made+1)
		return 0, true
	case (last == attemptFailed || last == attemptCrashed) && r.made < r.attempts:
		pause := r.pause
		r.pause = min(2*r.pause, r.longest)
		return pause, true
	}
	return 0, false
}
