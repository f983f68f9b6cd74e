package kubelet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	shownLines = 8
	shownWidth = 300 // characters of a line
)

// failure is a kubelet that does not work, and what it said.
type failure struct {
	err    error
	lines  []string // of its log
	unread error    // why there are none
	cause  cause
	known  bool // there is a cause
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// explain puts the cause into the summary and the end of the log into the advice.
// Only a known cause that does not pass is permanent.
func (f *failure) explain() error {
	err, advice := f.err, ""
	var hint *sdk.HintError
	if errors.As(f.err, &hint) {
		advice = hint.Hint + "\n"
	}
	switch said := lastError(f.lines); {
	case f.known:
		err, advice = fmt.Errorf("%w: %s", f.err, f.cause.what), f.cause.advice+"\n"
	case said != "":
		err = fmt.Errorf("%w: %s", f.err, said)
	}
	switch {
	case f.unread != nil:
		advice += fmt.Sprintf("Its log cannot be read: %v.", f.unread)
	case len(f.lines) == 0:
		advice += "It wrote nothing to its log."
	default:
		advice += "The last lines of its log are:\n" + tail(f.lines)
	}
	err = sdk.Hint(err, advice)
	if f.known && !f.cause.passing {
		return sdk.Permanent(err)
	}
	return err
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

func tail(lines []string) string {
	var out strings.Builder
	for _, line := range lines[max(0, len(lines)-shownLines):] {
		line = strings.ToValidUTF8(strings.TrimSpace(line), "?")
		fmt.Fprintf(&out, "  %.*s\n", shownWidth, line)
	}
	return strings.TrimRight(out.String(), "\n")
}
