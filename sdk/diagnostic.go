package sdk

import (
	"errors"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// Severity of a diagnostic.
type Severity int

// The severities.
const (
	SeverityError Severity = iota + 1
	SeverityWarning
)

// Diagnostic is a problem that a person should see. The engine adds file, line
// and snippet from Path.
type Diagnostic struct {
	Severity Severity
	// Summary is one line: `verb object: cause`.
	Summary string
	// Detail says what to do. May be empty.
	Detail string
	// Path leads to the config attribute at fault. May be empty.
	Path cty.Path
	// Permanent problems are not retried.
	Permanent bool
}

// Diagnostics is a list of problems. As an error it is the list of its errors.
type Diagnostics []Diagnostic

// HasErrors reports whether any of them is an error.
func (d Diagnostics) HasErrors() bool {
	for _, x := range d {
		if x.Severity == SeverityError {
			return true
		}
	}
	return false
}

// Permanent reports whether any error among them must not be retried.
func (d Diagnostics) Permanent() bool {
	for _, x := range d {
		if x.Severity == SeverityError && x.Permanent {
			return true
		}
	}
	return false
}

// Error joins the summaries of all errors.
func (d Diagnostics) Error() string {
	var lines []string
	for _, x := range d {
		if x.Severity == SeverityError {
			lines = append(lines, x.Summary)
		}
	}
	return strings.Join(lines, "; ")
}

// HintError is an error that knows what the operator can do about it.
type HintError struct {
	Err  error
	Hint string // one or more imperative sentences, shown below the error
}

// Hint adds advice to an error; a nil error stays nil.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &HintError{Err: err, Hint: hint}
}

func (e *HintError) Error() string { return e.Err.Error() }
func (e *HintError) Unwrap() error { return e.Err }

// PermanentError is an error that a retry cannot mend.
type PermanentError struct{ Err error }

// Permanent marks an error as one that a retry cannot mend; nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &PermanentError{Err: err}
}

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// permanent is [Permanent] for a list.
func permanent(list Diagnostics) Diagnostics {
	out := slices.Clone(list)
	for i := range out {
		out[i].Permanent = true
	}
	return out
}

// Diagnose turns an error into diagnostics: Diagnostics stay as they are, other
// errors become one, with the advice of a [HintError] and the path of a
// cty.PathError anywhere in the chain. A nil error gives nil.
func Diagnose(err error) Diagnostics {
	if err == nil {
		return nil
	}
	var diags Diagnostics
	if errors.As(err, &diags) {
		return diags
	}
	d := Diagnostic{Severity: SeverityError, Summary: err.Error()}
	var hint *HintError
	if errors.As(err, &hint) {
		d.Detail = hint.Hint
	}
	var permanent *PermanentError
	d.Permanent = errors.As(err, &permanent)
	var path cty.PathError
	if errors.As(err, &path) {
		d.Path = path.Path
	}
	return Diagnostics{d}
}
