package kubelet

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	shownLines = 8
	shownWidth = 300 // characters of a line
)

// information begins klog's lines of severity I.
var information = regexp.MustCompile(`^I\d{4} `)

// failure is a kubelet that does not work, and what it said.
type failure struct {
	err    error
	lines  []string // of its log
	unread error    // why there are none
	cause  cause
	known  bool // there is a cause
	// running says that the kubelet runs, but does not do what is waited for.
	running bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// explain puts the cause into the summary and the end of the log into the advice.
// A kubelet that runs has errors in its log all the time, which count only if the
// error has no better advice. Only a known cause that does not pass is permanent.
func (f *failure) explain() error {
	err := f.err
	var advice []string
	var hint *sdk.HintError
	if errors.As(f.err, &hint) {
		advice = append(advice, hint.Hint)
	}
	if f.known {
		err, advice = fmt.Errorf("%w: %s", f.err, f.cause.what), append(advice, f.cause.advice)
	} else if said := lastError(f.lines); said != "" && !f.running {
		err = fmt.Errorf("%w: %s", f.err, said)
	}
	if len(advice) == 0 || !f.running {
		advice = append(advice, f.log())
	}
	err = sdk.Hint(err, strings.Join(advice, "\n"))
	if f.known && !f.cause.passing {
		return sdk.Permanent(err)
	}
	return err
}

// log is the end of the log, or why it is not there.
func (f *failure) log() string {
	switch {
	case f.unread != nil:
		return fmt.Sprintf("Its log cannot be read: %v.", f.unread)
	case len(f.lines) == 0:
		return "It wrote nothing to its log."
	}
	return "The last lines of its log are:\n" + tail(telling(f.lines))
}

// lastError is the last error in a log of the kubelet: the value of err="…" in a
// line of severity E or F, or a line that begins with "Error:".
func lastError(lines []string) string {
	last := ""
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "Error: "); ok {
			last = text
		}
		if !strings.HasPrefix(line, "E") && !strings.HasPrefix(line, "F") {
			continue
		}
		if _, text, ok := strings.Cut(line, ` err="`); ok {
			last = strings.ReplaceAll(untilQuote(text), `\"`, `"`)
		}
	}
	return last
}

// untilQuote cuts text before its first quote that is not escaped.
func untilQuote(text string) string {
	for i := range len(text) {
		if text[i] == '"' && (i == 0 || text[i-1] != '\\') {
			return text[:i]
		}
	}
	return text
}

// telling leaves out what klog calls information, if anything else is left.
func telling(lines []string) []string {
	rest := slices.DeleteFunc(slices.Clone(lines), information.MatchString)
	if len(rest) == 0 {
		return lines
	}
	return rest
}

func tail(lines []string) string {
	var out strings.Builder
	for _, line := range lines[max(0, len(lines)-shownLines):] {
		line = strings.ToValidUTF8(strings.TrimSpace(line), "?")
		fmt.Fprintf(&out, "  %.*s\n", shownWidth, line)
	}
	return strings.TrimRight(out.String(), "\n")
}
