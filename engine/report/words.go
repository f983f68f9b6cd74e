package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// OneLine is the first line of text, with a mark when there are more. Control
// characters are replaced.
func OneLine(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if rest != "" {
		first += " …"
	}
	return clean(first)
}

// Seconds writes a duration with two or three significant digits.
func Seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}

// Progress says how far something long is.
func Progress(b event.NodeProgress) string {
	text := clean(strings.TrimSpace(b.Label))
	if text == "" {
		text = clean(b.ID)
	}
	if b.Current > 0 || b.Total > 0 {
		text += " " + amount(b.Current, b.Total, b.Unit)
	}
	return text
}

// Change says what a change does to what.
func Change(c event.Change) string {
	return clean(fmt.Sprintf("%s %s %s", c.Op, c.Kind, c.Target))
}

// Retry says which attempt failed and why, and when the next one begins: in left,
// unless that is nothing.
func Retry(b event.NodeRetrying, left time.Duration) string {
	text := fmt.Sprintf("attempt %d", b.Attempt)
	if b.Attempts > 0 {
		text += fmt.Sprintf(" of %d", b.Attempts)
	}
	text += " failed"
	if left > 0 {
		text += ", next in " + Seconds(left)
	}
	return text + ": " + OneLine(b.Reason)
}
