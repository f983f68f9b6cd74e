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
	total   time.Duration // of the command
	outside time.Duration // of that, before the first phase and after the last: starting, planning
	steps   []step
}

// step is one phase. Times count from the start of the run.
type step struct {
	node, after string // after ended last before node was ready
	ready, end  time.Duration
}

// event is what counts of one line of --json.
type event struct {
	Event, Node string
	Time        time.Time
}

// criticalPath goes back from the phase that ended last: what a phase waited for
// last is what ended when it became ready.
func criticalPath(events string, total time.Duration) (path, error) {
	steps := map[string]step{}
	var began, ended time.Time
	var last string
	for line := range strings.Lines(events) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return path{}, fmt.Errorf("read event %s: %w", line, err)
		}
		switch e.Event {
		case "run_started":
			began = e.Time
		case "node_ready":
			steps[e.Node] = step{node: e.Node, after: last, ready: e.Time.Sub(began)}
		case "node_ended":
			s := steps[e.Node]
			s.end, last = e.Time.Sub(began), e.Node
			steps[e.Node] = s
		case "run_ended":
			ended = e.Time
		}
	}
	if ended.IsZero() {
		return path{}, errors.New("read events: the run has no end")
	}
	p := path{total: total, outside: total - ended.Sub(began)}
	for node := last; node != ""; node = steps[node].after {
		p.steps = append(p.steps, steps[node])
	}
	slices.Reverse(p.steps)
	return p, nil
}

func (p path) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "critical path of the median run, %.2fs, of which %.2fs are outside of the phases:\n", p.total.Seconds(), p.outside.Seconds())
	for _, s := range p.steps {
		fmt.Fprintf(&b, "  %6.2fs  +%5.2fs  %s\n", s.ready.Seconds(), (s.end - s.ready).Seconds(), s.node)
	}
	return b.String()
}
