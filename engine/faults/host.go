// Package faults drives a clusterflow command line into faults and checks that
// it recovers: it kills, stops and interrupts real processes at chosen events or
// moments.
//
// [Drive] runs one command and lets a [Fault] strike. [Prover] does what authors
// of plugins need, `clusterflow test --faults`. Where the processes run is for a
// [Host] to say: [Local] is this machine, a lab may bring its own.
//
// The package knows command lines and events only: no pipeline, plugin or state.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Host is where commands run.
type Host interface {
	// Start starts a command; what it prints goes to out and talk. The context
	// bounds the start, not the process.
	Start(ctx context.Context, argv []string, out, talk io.Writer) (Process, error)
}

// Process is a command that runs. Its methods may be called at the same time.
type Process interface {
	// Signal signals the process itself, and no other one.
	Signal(sig os.Signal) error
	// Wait returns when it has ended and all it printed was written: with its exit
	// code, or -1 if a signal ended it. It is called once.
	Wait() (int, error)
	// PID is its id on this machine, or zero if it runs elsewhere.
	PID() int
}

// Local runs commands on this machine.
type Local struct {
	// Dir is the working directory; empty means that of this process.
	Dir string
	// Env is the whole environment; nil means that of this process.
	Env []string
}

var _ Host = Local{}

// Start implements [Host].
func (l Local) Start(ctx context.Context, argv []string, out, talk io.Writer) (Process, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.Dir, l.Env, out, talk
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return localProcess{cmd}, nil
}

type localProcess struct{ cmd *exec.Cmd }

func (p localProcess) PID() int { return p.cmd.Process.Pid }

// Signal is no error for a process that has ended already.
func (p localProcess) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", p.PID(), err)
	}
	return nil
}

func (p localProcess) Wait() (int, error) {
	err := p.cmd.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	case err != nil:
		return -1, fmt.Errorf("wait for process %d: %w", p.PID(), err)
	}
	return 0, nil
}
