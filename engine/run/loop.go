package run

import (
	"context"
	"errors"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// errStopped keeps a worker from beginning.
var errStopped = errors.New("nothing new starts")

// loop owns a run. Its methods are called by one goroutine.
type loop struct {
	opts    Options
	op      event.Operation
	spec    Spec
	sched   *schedule
	inbox   chan message
	events  *event.Stream
	journal *journal
	mask    *mask

	crew     *crew
	workers  int
	slots    map[int]chan<- bool // to workers that wait for a slot again
	late     map[int]bool        // decided, but their worker has not ended yet
	counts   map[event.Status]int
	failures int           // nodes that failed and must not
	stopping chan struct{} // closed when nothing new may start but finally nodes
	stopped  bool
	aborting chan struct{} // closed when those may not start either
	aborted  bool
	acted    bool                // a node that is no finally node began an attempt
	claims   map[resource.ID]int // the node that declares a file

	exclusive []exclusive // workers that want to be alone, the one that is first
	rebooting bool        // the host is about to boot

	// newWorker makes the worker of a node that is about to start.
	newWorker func(id int) worker
	// ended is told how a node ended, before its dependents start; e is nil when it
	// never ran.
	ended func(id int, status event.Status, e *ending)
	// hold keeps the ends of nodes that failed, by name, for a second pass.
	hold bool
	held map[string]*ending
}

func newLoop(op event.Operation, opts Options, spec Spec) *loop {
	return &loop{
		opts: opts, op: op, spec: spec, sched: newSchedule(spec), inbox: make(chan message, inboxSize),
		events:  event.NewStream(opts.ID, opts.Clock, opts.Sink),
		journal: newJournal(op, opts, len(spec.Nodes)), mask: &mask{},
		slots: map[int]chan<- bool{}, late: map[int]bool{}, counts: map[event.Status]int{},
		stopping: make(chan struct{}), aborting: make(chan struct{}), held: map[string]*ending{},
		claims: map[resource.ID]int{}, ended: func(int, event.Status, *ending) {},
	}
}

// run starts nodes and handles messages until every node is decided and every
// worker has ended.
func (l *loop) run(ctx context.Context) {
	flusher := l.journal.flush(context.WithoutCancel(ctx), l.inbox)
	last, abandon := context.WithCancelCause(context.WithoutCancel(ctx)) // for finally nodes
	defer abandon(nil)
	l.crew = newCrew()
	defer l.crew.dismiss()
	interrupted, hurry := ctx.Done(), l.opts.Now
	for {
		if ctx.Err() != nil {
			interrupted = nil
			l.stop(context.Cause(ctx).Error())
			if l.hurried() {
				l.hurry()
				l.abort()
				abandon(context.Cause(ctx))
			}
		}
		l.start(ctx, last)
		if l.sched.Done() && l.workers == 0 {
			break
		}
		select {
		case m := <-l.inbox:
			if ctx.Err() != nil { // then that came first
				l.stop(context.Cause(ctx).Error())
			}
			l.handle(m)
		case <-interrupted:
		case <-hurry:
			hurry = nil
		}
	}
	if err := flusher.stop(); err != nil {
		l.breakOff(err)
	}
}

// restart gives the loop another set of nodes.
func (l *loop) restart(spec Spec) { l.spec, l.sched = spec, newSchedule(spec) }

// start starts what may start; last is the context of finally nodes.
func (l *loop) start(ctx, last context.Context) {
	for _, id := range l.sched.Ready() {
		l.emit(event.NodeReady{Node: l.spec.Nodes[id].Name})
	}
	for _, id := range l.next() {
		if slot, waiting := l.slots[id]; waiting {
			delete(l.slots, id)
			slot <- true
			continue
		}
		l.workers++
		box := &mailbox{id: id, node: l.spec.Nodes[id].Name, inbox: l.inbox, store: l.opts.Store, stopping: l.stopping}
		run := ctx
		if l.spec.Nodes[id].Finally {
			run, box.stopping = last, l.aborting
		}
		w := l.newWorker(id)
		l.crew.do(func() {
			end := w.run(run, box)
			box.say(message{end: &end})
		})
	}
	for _, w := range l.sched.Waiting() {
		l.emit(event.NodeWaiting{Node: l.spec.Nodes[w.ID].Name, Pool: w.Pool})
	}
}

// next are the nodes to start now: none while one wants to be alone.
func (l *loop) next() []int {
	if len(l.exclusive) > 0 {
		l.grant()
		return nil
	}
	return l.sched.Next()
}

func (l *loop) emit(body event.Body) { l.events.Emit(l.mask.event(body)) }

// prior is a copy of what is recorded of a node, which its worker may keep.
func (l *loop) prior(id int) *state.Node {
	n := l.opts.Store.State().Nodes[l.spec.Nodes[id].Name]
	if n == nil {
		return nil
	}
	c := *n
	return &c
}
