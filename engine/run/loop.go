package run

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

// inboxSize is how many messages may wait for the loop before workers do. It
// bounds the memory of a plugin that logs without end.
const inboxSize = 256

// loop owns a run. Its methods are called by one goroutine.
type loop struct {
	opts    Options
	spec    Spec
	sched   *schedule
	inbox   chan message
	events  *event.Stream
	mask    *mask
	workers int
	slots   map[int]chan bool // to workers that wait for a slot again
	late    map[int]bool      // decided, but their worker has not ended yet
	counts  map[event.Status]int
	broken  error // the journal failed: start nothing new
	stopped bool

	// newWorker makes the worker of a node that is about to start. Required.
	newWorker func(id int) worker
	// ended is told how a node ended, before its dependents start; e is nil when it
	// never ran. May be nil.
	ended func(id int, status event.Status, e *ending)
	// again says that a node that failed will be tried again in a second pass, so
	// that its failure is no end yet. May be nil.
	again func(id int, e *ending) bool
}

func newLoop(opts Options, spec Spec) *loop {
	l := &loop{
		opts: opts, spec: spec, sched: newSchedule(spec), inbox: make(chan message, inboxSize),
		mask: &mask{}, slots: map[int]chan bool{}, late: map[int]bool{}, counts: map[event.Status]int{},
		ended: func(int, event.Status, *ending) {},
	}
	l.events = event.NewStream(opts.ID, opts.Clock, opts.Sink)
	return l
}

// run starts nodes and handles messages until every node is decided and every
// worker has ended.
func (l *loop) run(ctx context.Context) {
	interrupted := ctx.Done()
	for {
		l.start(ctx)
		if l.sched.Done() && l.workers == 0 {
			return
		}
		select {
		case m := <-l.inbox:
			l.handle(m)
		case <-interrupted:
			interrupted = nil
			l.stop(context.Cause(ctx).Error())
		}
	}
}

// restart gives the loop another set of nodes.
func (l *loop) restart(spec Spec) { l.spec, l.sched = spec, newSchedule(spec) }

func (l *loop) start(ctx context.Context) {
	for _, id := range l.sched.Ready() {
		l.emit(event.NodeReady{Node: l.spec.Nodes[id].Name})
	}
	for _, id := range l.sched.Next() {
		if slot, waiting := l.slots[id]; waiting {
			delete(l.slots, id)
			slot <- true
			continue
		}
		l.workers++
		box := &mailbox{id: id, node: l.spec.Nodes[id].Name, inbox: l.inbox, sync: l.opts.Store.Sync}
		w := l.newWorker(id)
		go func() {
			end := w.run(ctx, box)
			box.tell(message{end: &end})
		}()
	}
	for _, w := range l.sched.Waiting() {
		l.emit(event.NodeWaiting{Node: l.spec.Nodes[w.ID].Name, Pool: w.Pool})
	}
}

func (l *loop) handle(m message) {
	l.mask.add(m.secrets)
	if m.broken != nil {
		l.breakOff(m.broken)
	}
	err := l.broken
	if len(m.records) > 0 && err == nil {
		err = l.append(m.records...)
	}
	for _, body := range m.events {
		l.emit(body)
	}
	switch {
	case m.pause:
		l.sched.Pause(m.id)
	case m.resume && l.stopped: // its worker ends it
		m.slot <- false
	case m.resume:
		l.sched.Resume(m.id)
		l.slots[m.id] = m.slot
	case m.end != nil:
		l.finish(m.id, m.end)
	}
	if m.reply != nil {
		m.reply <- reply{prior: l.prior(m.id), err: err}
	}
}

func (l *loop) finish(id int, e *ending) {
	l.workers--
	l.mask.add(e.outcome.secrets)
	if err := l.append(e.records...); err != nil && e.body.Status.Good() {
		// It is done, but that will not be remembered: the next run looks again.
		e.body.Reason = "done, but the state could not be stored"
	}
	status := e.body.Status
	if status == event.Failed && l.again != nil && l.again(id, e) {
		l.emit(event.NodeRetrying{Node: e.body.Node, Attempt: 1, Attempts: 2, Reason: e.body.Problem.Message})
		l.decided(l.sched.Finish(id, status))
		return
	}
	e.body.Continued = status == event.Failed && l.spec.Nodes[id].Continue
	l.ended(id, status, e)
	l.counts[status]++
	l.emit(e.body)
	if l.late[id] {
		delete(l.late, id)
		return
	}
	l.decided(l.sched.Finish(id, status))
}

// decided reports nodes that ended without having run.
func (l *loop) decided(nodes []Decided) {
	for _, d := range nodes {
		if slot, waiting := l.slots[d.ID]; waiting { // its worker reports the end
			delete(l.slots, d.ID)
			l.late[d.ID] = true
			slot <- false
			continue
		}
		body := event.NodeEnded{Node: l.spec.Nodes[d.ID].Name, Status: d.Status}
		if d.Cause >= 0 {
			body.Cause = l.spec.Nodes[d.Cause].Name
		}
		l.counts[d.Status]++
		l.ended(d.ID, d.Status, nil)
		l.emit(body)
	}
}

// append stores records. After the first failure nothing new starts.
func (l *loop) append(records ...state.Record) error {
	err := l.opts.Store.Append(records...)
	if err != nil {
		l.breakOff(err)
	}
	return err
}

// breakOff stops a run whose state cannot be stored: nothing new may start.
func (l *loop) breakOff(err error) {
	if l.broken == nil {
		l.broken = fmt.Errorf("store state: %w", err)
		l.stop(l.broken.Error())
	}
}

// stop starts no more nodes and reports those that never will.
func (l *loop) stop(reason string) {
	if l.stopped {
		return
	}
	l.stopped = true
	decided := l.sched.Stop()
	var running []string
	for id := range l.sched.nodes {
		if s := l.sched.nodes[id].status; s == event.Running || s == event.Retrying {
			running = append(running, l.spec.Nodes[id].Name)
		}
	}
	l.emit(event.RunStopping{Reason: reason, Running: running})
	l.decided(decided)
}

func (l *loop) emit(body event.Body) { l.events.Emit(l.mask.apply(body)) }

// prior is a copy of what is recorded of a node, which its worker may keep.
func (l *loop) prior(id int) *state.Node {
	n := l.opts.Store.State().Nodes[l.spec.Nodes[id].Name]
	if n == nil {
		return nil
	}
	c := *n
	return &c
}

// begin and end frame a run in the journal and in the event stream.
func (l *loop) begin(op event.Operation) error {
	before := l.opts.Store.State().Run
	started := event.RunStarted{
		Operation: op, Pipeline: l.opts.Pipeline, Engine: l.opts.Engine,
		Nodes: len(l.spec.Nodes), Slots: l.opts.Parallelism,
	}
	if before.Interrupted() {
		started.Resumes = before.ID
	}
	l.emit(started)
	return l.append(state.RunStart{Run: state.Run{
		ID: l.opts.ID, Operation: op, Pipeline: l.opts.Pipeline, Engine: l.opts.Engine, Started: l.opts.Clock().UTC(),
	}})
}

func (l *loop) end(started time.Time, interrupted bool) Result {
	result := Result{Counts: maps.Clone(l.counts), Status: event.RunSucceeded}
	switch {
	case interrupted:
		result.Status = event.RunInterrupted
	case l.broken != nil || l.failures() > 0:
		result.Status = event.RunFailed
	case l.counts[event.Failed]+l.counts[event.Unknown] > 0:
		result.Status = event.RunDegraded
	}
	_ = l.append(state.RunEnd{Status: result.Status, Counts: result.Counts, Time: l.opts.Clock().UTC()}) // kept in l.broken
	body := event.RunEnded{
		Status: result.Status, Counts: result.Counts, Duration: event.Duration(l.opts.Clock().Sub(started)),
	}
	if l.broken != nil {
		body.Problem = &event.Problem{Message: l.broken.Error()}
	}
	l.emit(body)
	return result
}

// failures counts nodes that failed and must not.
func (l *loop) failures() int {
	n := l.counts[event.Blocked] + l.counts[event.Cancelled]
	for id := range l.sched.nodes {
		if l.sched.broke(id) {
			n++
		}
	}
	return n
}
