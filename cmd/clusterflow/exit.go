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

// invalidError is a mistake in a pipeline, with the sources to show it in.
type invalidError struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File
}

func (e *invalidError) Error() string { return e.diags.Error() }

// placedError is a failure that has a place in the pipeline.
type placedError struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File
}

func (e *placedError) Error() string { return e.diags.Error() }

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// statusError carries an exit code of a run that has been reported already.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// ofRun turns how a run ended into an error for [exitCode].
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
func (a *app) exitCode(err error) int {
	var status *statusError
	var invalid *invalidError
	var usage *usageError
	var placed *placedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return status.code
	case errors.As(err, &invalid):
		a.writeDiagnostics(invalid.files, invalid.diags)
		return exitInvalid
	case errors.As(err, &usage):
		fmt.Fprintf(a.err, "Error: %v\n", usage)
		return exitInvalid
	case errors.As(err, &placed):
		a.writeDiagnostics(placed.files, placed.diags)
		return exitFailed
	case errors.Is(err, engine.ErrDeclined):
		fmt.Fprintln(a.err, "Nothing was done.")
		return exitFailed
	case errors.Is(err, run.ErrInterrupted), errors.Is(err, context.Canceled):
		fmt.Fprintln(a.err, "Interrupted.")
		return exitInterrupted
	}
	printError(a.err, err)
	return exitFailed
}

func printError(w io.Writer, err error) {
	for _, d := range sdk.Diagnose(err) {
		fmt.Fprintf(w, "Error: %s\n", d.Summary)
		if d.Detail != "" {
			fmt.Fprintf(w, "\n  %s\n", strings.ReplaceAll(d.Detail, "\n", "\n  "))
		}
	}
}
