package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// path is the critical path of a run: the phases that each waited for the one before.
type path struct {
	total, before time.Duration // of the command; until its run began, that is, starting and planning
	steps         []step
}

type step struct {
	node              string
	ready, start, end time.Duration // since the run began
}

// event is what counts of one line of --json.
type event struct {
	Event, Node string
	Time        time.Time
}

// criticalPath goes back from the phase that ended last: what a phase waited for
// last is what ended when it became ready.
func criticalPath(events string, total time.Duration) (path, error) {
	steps := map[string]*step{}
	var ended []string
	cause := map[string]string{} // phase: the one that ended before it was ready
	var began, last time.Time
	for line := range strings.Lines(events) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return path{}, fmt.Errorf("read event %s: %w", line, err)
		}
		if e.Event == "run_started" {
			began = e.Time
		}
		at := e.Time.Sub(began)
		switch e.Event {
		case "node_ready":
			steps[e.Node] = &step{node: e.Node, ready: at, start: at}
			if len(ended) > 0 {
				cause[e.Node] = ended[len(ended)-1]
			}
		case "node_started":
			steps[e.Node].start = at
		case "node_ended":
			if s := steps[e.Node]; s != nil {
				s.end = at
				ended = append(ended, e.Node)
			}
		case "run_ended":
			last = e.Time
		}
	}
	if last.IsZero() || len(ended) == 0 {
		return path{}, errors.New("read events: the run has no end")
	}
	p := path{total: total, before: total - last.Sub(began)}
	for node := ended[len(ended)-1]; node != ""; node = cause[node] {
		p.steps = append(p.steps, *steps[node])
	}
	slices.Reverse(p.steps)
	return p, nil
}

func (p path) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "critical path of the median run, %.2fs, of which %.2fs before and after the phases:\n", p.total.Seconds(), p.before.Seconds())
	for _, s := range p.steps {
		fmt.Fprintf(&b, "  %6.2fs  +%5.2fs  %s\n", s.ready.Seconds(), (s.end - s.ready).Seconds(), s.node)
	}
	return b.String()
}
