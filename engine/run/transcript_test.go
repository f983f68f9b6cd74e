package run

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/engine/event"
)

// checkEnds sees to it that every phase has one end, and the run one beginning
// and one end.
func (r *rig) checkEnds() {
	r.t.Helper()
	ends := map[string]int{}
	planned := 0
	for i, e := range r.events {
		switch b := e.Body.(type) {
		case event.RunStarted:
			planned = b.Nodes
			if i != 0 {
				r.t.Errorf("run_started is event %d", i)
			}
		case event.NodeEnded:
			ends[b.Node]++
		case event.RunEnded:
			if i != len(r.events)-1 {
				r.t.Errorf("run_ended is event %d of %d", i, len(r.events))
			}
		}
	}
	for node, n := range ends {
		if n != 1 {
			r.t.Errorf("%s ended %d times", node, n)
		}
	}
	if len(ends) != planned {
		r.t.Errorf("%d phases ended, want %d: %v", len(ends), planned, slices.Sorted(maps.Keys(ends)))
	}
}

// statuses lists how each phase ended: "a succeeded, b blocked".
func (r *rig) statuses() string {
	var out []string
	for _, e := range r.events {
		if b, ok := e.Body.(event.NodeEnded); ok {
			out = append(out, short(b.Node)+" "+string(b.Status))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (r *rig) ended(name string) event.NodeEnded {
	r.t.Helper()
	for _, e := range r.events {
		if b, ok := e.Body.(event.NodeEnded); ok && short(b.Node) == name {
			return b
		}
	}
	r.t.Fatalf("no end of %s", name)
	return event.NodeEnded{}
}

func short(address string) string { return strings.TrimPrefix(address, "phase.") }

// transcript is what a run told, in a form that reads well.
func (r *rig) transcript() string {
	var b strings.Builder
	for _, e := range r.events {
		if line := line(e.Body); line != "" {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}

func line(body event.Body) string {
	switch b := body.(type) {
	case event.RunStarted:
		return fmt.Sprintf("%s begins: %d phases%s", b.Operation, b.Nodes, prefixed("; resumes ", b.Resumes))
	case event.NodePlanned:
		var changes []string
		for _, c := range b.Changes {
			changes = append(changes, fmt.Sprintf("%s %s %s", c.Op, c.Kind, c.Target))
		}
		return fmt.Sprintf("%s: planned%s%s", short(b.Node), prefixed(" because ", b.Reason), prefixed(": ", strings.Join(changes, ", ")))
	case event.NodeWaiting:
		return fmt.Sprintf("%s: waits for pool %s", short(b.Node), b.Pool)
	case event.NodeStarted:
		return fmt.Sprintf("%s: started, attempt %d", short(b.Node), b.Attempt)
	case event.NodeRetrying:
		return fmt.Sprintf("%s: attempt %d of %d failed, next in %s: %s", short(b.Node), b.Attempt, b.Attempts, b.Delay.Std(), b.Reason)
	case event.NodeLog:
		return fmt.Sprintf("%s: %s: %s", short(b.Node), b.Level, b.Message)
	case event.NodeEnded:
		return ended(b)
	case event.RunStopping:
		return fmt.Sprintf("stopping: %s%s", b.Reason, prefixed("; running: ", strings.Join(b.Running, ", ")))
	case event.RunEnded:
		text := fmt.Sprintf("run %s: %v", b.Status, b.Counts)
		if b.Problem != nil {
			text += "; " + b.Problem.Message
		}
		return text
	}
	return ""
}

func ended(b event.NodeEnded) string {
	text := fmt.Sprintf("%s: %s%s%s", short(b.Node), b.Status, prefixed(" by ", b.Cause), prefixed(", ", b.Reason))
	if b.Continued {
		text += ", the run goes on"
	}
	if b.Problem != nil {
		text += fmt.Sprintf("\n  problem: %s%s%s", b.Problem.Message, prefixed("\n  hint: ", b.Problem.Hint), prefixed("\n  at ", b.Problem.Source))
	}
	return text
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
