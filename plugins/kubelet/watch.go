package kubelet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	// pollEvery is how often the kubelet's files and its own health are looked at,
	// which costs next to nothing: 25 ms. A join waits for both.
	pollEvery = 25 * time.Millisecond
	// serverEvery is how often others are asked: systemd, an API server.
	serverEvery = 100 * time.Millisecond
	// lookEvery is how often the journal of a failing kubelet is read.
	lookEvery = time.Second
	// maxRestarts is after how many tries of systemd a kubelet that fails for an
	// unknown reason is given up: 3, which takes half a minute with the usual unit.
	maxRestarts = 3
	logLines    = 40 // that are searched for a cause
)

// watch follows a service from its start until it works or is hopeless.
type watch struct {
	manager services
	unit    string

	begun    bool
	restarts int       // of systemd, before the watch began
	ran      time.Time // when it was last seen to run
	looked   time.Time // at the journal
}

// restart starts the service now, whatever it does.
func (w *watch) restart(ctx context.Context) error {
	now, err := w.manager.Service(ctx, w.unit)
	if err != nil {
		return err
	}
	if err := w.manager.Restart(ctx, w.unit); err != nil {
		if now.Load == "not-found" {
			return sdk.Hint(err, "Install the kubelet: the package of that name has the program and the service. Or set unit to the name of yours.")
		}
		return err
	}
	return w.begin(ctx)
}

// begin notes what was before.
func (w *watch) begin(ctx context.Context) error {
	now, err := w.manager.Service(ctx, w.unit)
	w.begun, w.restarts, w.ran = err == nil, now.Restarts, time.Time{}
	return err
}

// wait polls the probe while the service runs, and ends early when it is hopeless.
// Every error says what the log says.
func (w *watch) wait(ctx context.Context, p resource.Probe) error {
	if !w.begun {
		if err := w.begin(ctx); err != nil {
			return err
		}
	}
	check := p.Check
	p.Check = func(ctx context.Context) error {
		if err := w.check(ctx); err != nil {
			return err
		}
		return check(ctx)
	}
	err := resource.WaitFor(ctx, p)
	var failed *failure
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.As(err, &failed):
		return failed.explain()
	}
	now, serviceErr := w.manager.Service(ctx, w.unit)
	if serviceErr != nil {
		return err
	}
	return w.failure(ctx, now, err).explain()
}

// check returns nil while the service runs. What is hopeless is permanent.
func (w *watch) check(ctx context.Context) error {
	if time.Since(w.ran) < serverEvery {
		return nil
	}
	now, err := w.manager.Service(ctx, w.unit)
	if err != nil {
		return err
	}
	if now.Running() {
		w.ran = time.Now()
		return nil
	}
	err = fmt.Errorf("it does not run: %s", now.Exit())
	tried := now.Restarts - w.restarts
	if now.Active == "failed" || tried >= maxRestarts {
		if tried > 0 {
			err = fmt.Errorf("it was started %d times: %s", tried+1, now.Exit())
		}
		return sdk.Permanent(w.failure(ctx, now, err))
	}
	if time.Since(w.looked) < lookEvery {
		return err
	}
	w.looked = time.Now()
	if f := w.failure(ctx, now, err); f.known && !f.cause.passing {
		return sdk.Permanent(f)
	}
	return err
}

func (w *watch) failure(ctx context.Context, now systemd.Service, err error) *failure {
	f := &failure{err: err, running: now.Running()}
	f.lines, f.unread = w.manager.Log(ctx, now, logLines)
	f.cause, f.known = recognize(f.lines)
	return f
}
