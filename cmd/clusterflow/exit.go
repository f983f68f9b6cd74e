package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/sdk"
)

// Exit codes. They are part of the interface.
const (
	exitDone        = 0
	exitFailed      = 1
	exitChanges     = 2   // plan --detailed-exitcode: there are changes
	exitDegraded    = 3   // done, but something failed that may, or an undo left things over
	exitInvalid     = 4   // the pipeline or the command line is wrong; nothing was done
	exitInterrupted = 130 // stopped by the user
)

// sourceError is a problem that has a place in the pipeline, with the sources to
// show it in.
type sourceError struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File
	code  int
}

func (e *sourceError) Error() string { return e.diags.Error() }

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// statusError carries an exit code of a run that has been reported already.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// ofRun turns how a run ended into an error for [app.exitCode].
func ofRun(status event.RunStatus) error {
	switch status {
	case event.RunSucceeded:
		return nil
	case event.RunDegraded:
		return &statusError{exitDegraded}
	case event.RunInterrupted:
		return &statusError{exitInterrupted}
	default:
		return &statusError{exitFailed}
	}
}

// exitCode shows an error, unless it was shown before, and maps it to a code.
func (a *app) exitCode(ctx context.Context, err error) int {
	var status *statusError
	var source *sourceError
	var usage *usageError
	var unknown *engine.UnknownPhaseError
	var other *engine.OtherPipelineError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return status.code
	case errors.Is(context.Cause(ctx), run.ErrInterrupted): // whatever broke because of it
		fmt.Fprintln(a.err, "Interrupted.")
		return exitInterrupted
	case errors.As(err, &source):
		a.writeDiagnostics(source.files, source.diags)
		return source.code
	case errors.Is(err, engine.ErrDeclined):
		fmt.Fprintln(a.err, "Nothing was done.")
		return exitFailed
	case !a.started, errors.As(err, &usage), errors.As(err, &unknown):
		printError(a.err, err)
		return exitInvalid
	case errors.As(err, &other):
		printError(a.err, sdk.Hint(err, "Give each of them a state of its own: --state-dir DIR."))
		return exitInvalid
	}
	printError(a.err, err)
	return exitFailed
}

func printError(w io.Writer, err error) {
	for _, d := range sdk.Diagnose(err) {
		fmt.Fprintf(w, "Error: %s\n", strings.TrimSpace(d.Summary))
		if d.Detail != "" {
			fmt.Fprintf(w, "\n  %s\n", strings.ReplaceAll(d.Detail, "\n", "\n  "))
		}
	}
}
