package run

import (
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

// store appends records. After the first failure nothing new starts.
func (l *loop) store(records ...state.Record) error {
	err := l.journal.append(l.mask.records(records)...)
	if err != nil {
		l.breakOff(err)
	}
	return err
}

// breakOff stops a run whose state cannot be stored: nothing new may start.
func (l *loop) breakOff(err error) {
	if l.journal.broken == nil {
		l.journal.broken = &StateError{Err: err}
	}
	l.stop("the state cannot be stored")
	l.abort()
}

// stop starts no more nodes and reports those that never will.
func (l *loop) stop(reason string) {
	if !l.stopped {
		l.halt(reason)
		l.decided(l.sched.Stop())
	}
}

// abort keeps finally nodes from starting, too. The run was stopped before.
func (l *loop) abort() {
	if l.aborted {
		return
	}
	l.aborted = true
	close(l.aborting)
	l.decided(l.sched.Abort())
}

// hurried reports whether a person asked twice to stop.
func (l *loop) hurried() bool {
	select {
	case <-l.opts.Now:
		return true
	default:
		return false
	}
}

// refuses reports whether a node may not begin any more.
func (l *loop) refuses(id int) bool {
	return l.aborted || l.stopped && !l.spec.Nodes[id].Finally
}

// halt tells everybody that nothing new starts.
func (l *loop) halt(reason string) {
	if l.stopped {
		return
	}
	l.stopped = true
	close(l.stopping)
	l.emit(event.RunStopping{Reason: reason, Running: l.running()})
}

// hurry tells once that what runs is not waited for any more.
func (l *loop) hurry() {
	if !l.aborted {
		l.emit(event.RunStopping{Reason: "interrupted again: what does not stop at once is killed", Running: l.running()})
	}
}

// running are the nodes whose workers have not ended.
func (l *loop) running() []string {
	var names []string
	for id := range l.sched.nodes {
		if s := l.sched.nodes[id].status; s == event.Running || s == event.Retrying {
			names = append(names, l.spec.Nodes[id].Name)
		}
	}
	return names
}
