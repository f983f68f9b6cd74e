package resource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	readyEvery = 100 * time.Millisecond
	settleTime = 200 * time.Millisecond // a program that cannot start is usually gone by then
	giveUpWait = 5 * time.Second        // after SIGTERM, for a program that did not get ready
)

// exitError is how a process ended that should have gone on.
type exitError struct{ state *os.ProcessState }

func (e *exitError) Error() string { return "the program ended: " + e.state.String() }

// launch starts the program and waits until it is ready. One that does not get
// ready is stopped, so that the next apply finds a clean host.
func (p *Process) launch(ctx context.Context, inputs map[string]string) error {
	if err := p.checkListens(ctx); err != nil {
		return err
	}
	log, offset, err := p.openLog()
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	alive, started, err := p.start(ctx, log)
	if err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Int("pid", started.PID).Msgf("started %s", p.Name)
	if err := p.waitSettled(alive); err != nil {
		err = p.explain(err, offset)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpWait+killWait)
		defer cancel()
		return errors.Join(err, stop(ctx, started, giveUpWait))
	}
	started.Inputs = inputs
	p.Started = started
	return nil
}

// start runs the program in a session of its own. The context it returns ends
// with ctx, or when the program does, with an [*exitError] as its cause.
//
// The one goroutine that start leaves behind reaps the child. It is owned by the
// child: it ends when the child does, or with this program, whose death leaves
// the child to init.
func (p *Process) start(ctx context.Context, log *os.File) (context.Context, Started, error) {
	boot, err := bootID()
	if err != nil {
		return nil, Started{}, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.Argv[0], p.Argv[1:]...)
	cmd.Dir = cmp.Or(p.Dir, string(filepath.Separator))
	cmd.Env = p.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownSession()
	if err := cmd.Start(); err != nil {
		return nil, Started{}, err
	}
	ticks, _ := startTicks(cmd.Process.Pid) // zero if it ended already: nothing to find then
	alive, ended := context.WithCancelCause(ctx)
	go func() {
		_ = cmd.Wait() // its error is in the state
		ended(&exitError{cmd.ProcessState})
	}()
	return alive, Started{PID: cmd.Process.Pid, Ticks: ticks, Boot: boot, Argv: p.Argv}, nil
}

// environment is PATH, HOME and what Env names.
func (p *Process) environment() []string {
	env := []string{"PATH=" + cmp.Or(os.Getenv("PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")}
	for _, name := range append([]string{"HOME"}, p.Env...) {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// waitSettled waits until the program is ready and past its first moments: a
// check may well be answered by another program while this one is still failing.
func (p *Process) waitSettled(alive context.Context) error {
	settled := time.NewTimer(durationOr(p.settle, settleTime))
	defer settled.Stop()
	if p.Ready != nil {
		if err := p.wait(alive, p.Ready); err != nil {
			return err
		}
	}
	select {
	case <-alive.Done():
		return context.Cause(alive)
	case <-settled.C:
		return nil
	}
}

// attach waits for a process that runs already, as after an interrupted apply. It
// fails at once when the process ends.
func (p *Process) attach(ctx context.Context, now Started) error {
	p.Started = now
	if p.Ready == nil {
		return nil
	}
	ctx, ended := context.WithCancelCause(ctx)
	defer ended(nil)
	err := p.wait(ctx, func(ctx context.Context) error {
		if !now.runs() {
			ended(fmt.Errorf("pid %d ended", now.PID))
		}
		return p.Ready(ctx)
	})
	if err != nil {
		return p.explain(err, 0)
	}
	return nil
}

func (p *Process) wait(ctx context.Context, check func(context.Context) error) error {
	return WaitFor(ctx, Probe{
		Name: p.Name + " is ready", Check: check, Every: readyEvery,
		Timeout: durationOr(p.ReadyTimeout, defaultReadyTimeout),
	})
}

// explain adds what the program said since offset to the advice that err has.
func (p *Process) explain(err error, offset int64) error {
	var advice string
	var hint *sdk.HintError
	if errors.As(err, &hint) {
		advice = hint.Hint + "\n"
	}
	err = fmt.Errorf("not ready: %w", err)
	tail := logTail(p.LogFile, offset)
	if tail == "" {
		return sdk.Hint(err, fmt.Sprintf("%sIt wrote nothing to its log, %s.", advice, p.LogFile))
	}
	return sdk.Hint(err, fmt.Sprintf("%sLook for the cause in its log, %s. The last lines are:\n%s", advice, p.LogFile, tail))
}

// checkListens reports the first address that another program listens on.
func (p *Process) checkListens(ctx context.Context) error {
	for _, address := range p.Listens {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			_, port, _ := net.SplitHostPort(address)
			return sdk.Hint(fmt.Errorf("reserve address for %s: %w", p.Name, err),
				fmt.Sprintf("Stop the program that has it (ss -ltnp 'sport = :%s' shows which), or choose another port.", port))
		}
		_ = listener.Close()
	}
	return nil
}
