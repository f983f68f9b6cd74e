package run

import (
	"github.com/clusterflow/clusterflow/engine/event"
)

func (l *loop) handle(m message) {
	l.note(m)
	if err := l.admit(m); err != nil {
		m.reply <- reply{err: err}
		return
	}
	l.acted = l.acted || m.begins && !l.spec.Nodes[m.id].Finally
	l.rebooting = l.rebooting || m.reboots
	if l.store(m.records...) == nil {
		for _, body := range m.events {
			l.emit(body)
		}
	}
	switch {
	case m.pause:
		l.notAlone(m.id)
		l.rebooting = false
		l.sched.Pause(m.id)
	case m.slot != nil:
		l.resume(m)
	case m.end != nil:
		l.finish(m.id, m.end)
	}
	if m.reply != nil {
		m.reply <- reply{prior: l.prior(m.id), err: l.journal.broken}
	}
}

// note takes from a message what counts whatever else it says.
func (l *loop) note(m message) {
	l.mask.Add(m.secrets)
	if m.alone != nil {
		l.exclusive = append(l.exclusive, exclusive{m.id, m.alone})
	}
	if m.broken != nil {
		l.breakOff(m.broken)
	}
}

// resume lets a worker that has waited compete for a slot again.
func (l *loop) resume(m message) {
	if l.refuses(m.id) { // its worker ends it
		m.slot <- false
		return
	}
	l.sched.Resume(m.id)
	l.slots[m.id] = m.slot
}

// finish handles the end of a worker.
func (l *loop) finish(id int, e *ending) {
	l.workers--
	l.notAlone(id)
	if l.rebooting = l.rebooting && e.reboots; l.rebooting {
		l.abort() // what comes last comes after the boot
	}
	l.mask.Add(e.outcome.secrets)
	_ = l.store(e.records...) // what is lost now will be looked at by the next run
	status := e.body.Status
	failed := status == event.Failed || status == event.Unknown
	if failed && l.hold {
		l.held[e.body.Node] = e
		l.emit(event.NodeRetrying{
			Node: e.body.Node, Attempt: 1, Attempts: 2,
			Reason: e.body.Problem.Message + " (tried again when all others are done)",
		})
		l.decided(l.sched.Finish(id, status))
		return
	}
	e.body.Continued = failed && l.spec.Nodes[id].Continue
	l.ended(id, status, e)
	l.report(e)
	if l.late[id] {
		delete(l.late, id)
		return
	}
	decided := l.sched.Finish(id, status)
	if l.sched.stopped { // by this failure, if not before
		l.halt(e.body.Node + " failed")
	}
	l.decided(decided)
}

// report counts and shows the end of a node.
func (l *loop) report(e *ending) {
	status := e.body.Status
	l.counts[status]++
	if (status == event.Failed || status == event.Unknown) && !e.body.Continued {
		l.failures++
	}
	l.emit(e.body)
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
		name := l.spec.Nodes[d.ID].Name
		if e := l.held[name]; e != nil { // it did run, in the first pass
			l.report(e)
			continue
		}
		body := event.NodeEnded{Node: name, Status: d.Status}
		if d.Cause >= 0 {
			body.Cause = l.spec.Nodes[d.Cause].Name
		}
		l.ended(d.ID, d.Status, nil)
		l.report(&ending{body: body})
	}
}
