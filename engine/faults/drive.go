package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Fault is something that happens to a command while it runs.
type Fault struct {
	// At picks the event that it strikes at: it is asked for each one, until it says
	// yes. Nil means After.
	At func(event.Event) bool
	// Again lets it strike each time that At says yes.
	Again bool
	// After is how long after its start the command is struck, if At is nil.
	After time.Duration
	// Strike does it. It may be called while the command ends.
	Strike func(Process) error
}

// Signal returns a Strike that sends signals, one after the other.
func Signal(signals ...os.Signal) func(Process) error {
	return func(p Process) error {
		for _, s := range signals {
			if err := p.Signal(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// Nth picks the n-th event, from 1.
func Nth(n int) func(event.Event) bool {
	return func(event.Event) bool { n--; return n == 0 }
}

// Ending is how a command ended.
type Ending struct {
	// Code is its exit code, or -1 if a signal ended it.
	Code int
	// Struck says that the fault came to pass.
	Struck bool
	// Events are those that it printed.
	Events []event.Event
	// Talk is what it printed for people.
	Talk string
	Took time.Duration
}

// Succeeded lists the phases that it reported as done.
func (e Ending) Succeeded() []string { return e.phases(event.Succeeded) }

// phases lists the phases that ended with one of the statuses.
func (e Ending) phases(statuses ...event.Status) []string {
	var out []string
	for _, ev := range e.Events {
		if end, ok := ev.Body.(event.NodeEnded); ok {
			for _, s := range statuses {
				if end.Status == s {
					out = append(out, end.Node)
				}
			}
		}
	}
	return out
}

// Started lists the phases whose plugin was called.
func (e Ending) Started() []string {
	var out []string
	for _, ev := range e.Events {
		if s, ok := ev.Body.(event.NodeStarted); ok {
			out = append(out, s.Node)
		}
	}
	return out
}

// Drive runs a command that prints events as JSON lines and lets the fault strike,
// if there is one. When ctx ends the command is killed. An error says that the
// command could not be run or printed something else.
func Drive(ctx context.Context, host Host, argv []string, fault *Fault) (Ending, error) {
	w := &watcher{fault: fault, ready: make(chan struct{})}
	var talk bytes.Buffer
	began := time.Now()
	p, err := host.Start(ctx, argv, w, &talk)
	if err != nil {
		return Ending{}, err
	}
	w.process = p
	close(w.ready)
	unwatch := context.AfterFunc(ctx, func() { _ = p.Signal(os.Kill) })
	defer unwatch()
	settled := w.later()
	code, err := p.Wait()
	settled()
	w.mu.Lock()
	defer w.mu.Unlock()
	ending := Ending{Code: code, Struck: w.struck, Events: w.events, Talk: talk.String(), Took: time.Since(began)}
	if ctx.Err() != nil {
		err = errors.Join(err, fmt.Errorf("run %s: %w", argv[0], context.Cause(ctx)))
	}
	return ending, errors.Join(err, w.problem)
}

// later strikes after a time, if that is what the fault wants. The returned function
// sees to it that it does so no more, and waits for a strike under way.
func (w *watcher) later() (settled func()) {
	if w.fault == nil || w.fault.At != nil {
		return func() {}
	}
	done := make(chan struct{})
	timer := time.AfterFunc(w.fault.After, func() {
		defer close(done)
		w.strike()
	})
	return func() {
		if !timer.Stop() {
			<-done
		}
	}
}

// watcher reads the events of a command.
type watcher struct {
	fault   *Fault
	process Process
	ready   chan struct{} // closed when process is set
	line    []byte

	mu      sync.Mutex
	events  []event.Event
	struck  bool
	problem error
}

// Write takes what the command printed. A line that a kill cut short is no event.
func (w *watcher) Write(data []byte) (int, error) {
	size := len(data)
	for len(data) > 0 {
		part, rest, ended := bytes.Cut(data, []byte{'\n'})
		w.line = append(w.line, part...)
		if ended {
			w.event(w.line)
			w.line = w.line[:0]
		}
		data = rest
	}
	return size, nil
}

func (w *watcher) event(line []byte) {
	var e event.Event
	if err := json.Unmarshal(line, &e); err != nil {
		w.mu.Lock()
		w.problem = errors.Join(w.problem, fmt.Errorf("read event %.200q: %w", line, err))
		w.mu.Unlock()
		return
	}
	w.mu.Lock()
	w.events = append(w.events, e)
	due := w.fault != nil && w.fault.At != nil && (!w.struck || w.fault.Again) && w.fault.At(e)
	w.mu.Unlock()
	if due {
		w.strike()
	}
}

func (w *watcher) strike() {
	<-w.ready
	err := w.fault.Strike(w.process)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.struck, w.problem = true, errors.Join(w.problem, err)
}
