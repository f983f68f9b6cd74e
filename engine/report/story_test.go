package report

import (
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// teller plays the events of a run, at milliseconds after its start.
type teller struct {
	now    time.Time
	stream *event.Stream
}

func tell(sink event.Sink) *teller {
	t := &teller{}
	t.at(0)
	t.stream = event.NewStream("01JD", func() time.Time { return t.now }, sink)
	return t
}

func (t *teller) at(ms int) *teller {
	t.now = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	return t
}

func (t *teller) emit(bodies ...event.Body) {
	for _, b := range bodies {
		t.stream.Emit(b)
	}
}

func ms(n int) event.Duration { return event.Duration(time.Duration(n) * time.Millisecond) }

const (
	ca     = `module.certs.phase.ca["ca"]`
	etcd   = "phase.etcd"
	images = `phase.images["registry.k8s.io/kube-apiserver:v1.36.3"]`
)

func changes(ops ...event.Op) []event.Change {
	var list []event.Change
	for _, op := range ops {
		list = append(list, event.Change{Op: op, Kind: "file", Target: "/etc/" + string(op)})
	}
	return list
}

// goodRun has every way in which a phase can be fine.
func goodRun(sink event.Sink) {
	t := tell(sink)
	t.emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "init.hcl", Engine: "v0.1.0", Nodes: 7, Resumes: "01JC"})
	t.emit(event.NodeReady{Node: "phase.kernel"}, event.NodeReady{Node: ca}, event.NodeReady{Node: images}, event.NodeReady{Node: etcd})
	t.at(10).emit(
		event.NodeEnded{Node: "phase.kernel", Status: event.Unchanged, Duration: ms(10), Reason: "all is as wanted"},
		event.NodePlanned{Node: ca, Type: "pki.ca", Changes: changes(event.OpCreate, event.OpCreate)},
		event.NodeStarted{Node: ca, Type: "pki.ca", Attempt: 1},
		event.NodeWaiting{Node: images, Pool: "pull"})
	t.at(120).emit(
		event.ChangeDone{Node: ca, Change: changes(event.OpCreate)[0]},
		event.Checkpoint{Node: ca, Private: []byte("{}")},
		event.NodeLog{Node: ca, Level: event.LevelInfo, Message: "made a key"},
		event.NodeEnded{Node: ca, Status: event.Succeeded, Attempt: 1, Changes: 2, Duration: ms(110)})
	t.at(200).emit(
		event.NodeStarted{Node: images, Type: "preflight.image", Attempt: 1},
		event.NodeStarted{Node: etcd, Type: "etcd.member", Attempt: 1},
		event.NodePlanned{Node: etcd, Changes: changes(event.OpUpdate)},
		event.NodeLog{
			Node: etcd, Level: event.LevelWarn, Message: "disk is slow\nfsync takes 90 ms",
			Fields: map[string]string{"path": "/var/lib/etcd", "took": "90 ms"},
		},
		event.NodeProgress{Node: images, ID: "layer", Label: "pulling", Current: 61 << 20, Total: 118 << 20, Unit: "bytes"})
	t.at(1200).emit(event.NodeRetrying{Node: images, Attempt: 1, Attempts: 5, Reason: "pull: connection reset\nby peer", Delay: ms(1500)})
	t.at(2700).emit(event.NodeStarted{Node: images, Attempt: 2})
	t.at(5000).emit(event.NodeEnded{Node: etcd, Status: event.Succeeded, Attempt: 1, Changes: 1, Duration: ms(4800)})
	t.at(12000).emit(event.NodeProgress{Node: images, ID: "layer", Label: "pulling", Current: 100 << 20, Total: 118 << 20, Unit: "bytes"})
	t.at(14000).emit(
		event.NodeEnded{Node: images, Status: event.Succeeded, Attempt: 2, Duration: ms(13800)},
		event.NodeEnded{Node: "phase.audit", Status: event.Skipped, Reason: "when is false"},
		event.NodePlanned{Node: "phase.host", Changes: changes(event.OpRun)},
		event.NodeStarted{Node: "phase.host", Attempt: 1})
	t.at(75000).emit(
		event.NodeEnded{Node: "phase.host", Status: event.Succeeded, Attempt: 1, Duration: ms(61000)},
		event.NodeStarted{Node: "phase.mixed", Attempt: 1},
		event.ChangeDone{Node: "phase.mixed", Change: changes(event.OpCreate)[0]},
		event.ChangeDone{Node: "phase.mixed", Change: changes(event.OpDelete)[0]},
		event.NodeEnded{Node: "phase.mixed", Status: event.Succeeded, Attempt: 1})
	t.at(75100).emit(event.RunEnded{
		Status: event.RunSucceeded, Duration: ms(75100),
		Counts: map[event.Status]int{event.Succeeded: 5, event.Unchanged: 1, event.Skipped: 1},
	})
}

// badRun has every way in which a phase can fail, and a stop.
func badRun(sink event.Sink) {
	t := tell(sink)
	problem := &event.Problem{
		Message: "start etcd: exit status 1\nlisten tcp :2379: address already in use",
		Hint:    "stop what listens on port 2379: ss -ltnp sport = 2379", Source: "init.hcl:14",
	}
	t.emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "init.hcl", Engine: "v0.1.0", Nodes: 11},
		event.NodeStarted{Node: etcd, Attempt: 1}, event.NodeStarted{Node: "phase.cmdb", Attempt: 1}, event.NodeStarted{Node: "phase.crash", Attempt: 1})
	t.at(2000).emit(
		event.NodeLog{Node: etcd, Level: event.LevelError, Message: "bind failed"},
		event.NodeEnded{Node: etcd, Status: event.Failed, Attempt: 1, Duration: ms(2000), Problem: problem})
	for _, n := range []string{"apiserver", "controller", "scheduler", "wait", "mark", "token", "addons"} {
		t.emit(event.NodeEnded{Node: "phase." + n, Status: event.Blocked, Cause: etcd})
	}
	t.at(2500).emit(
		event.NodeEnded{
			Node: "phase.cmdb", Status: event.Failed, Attempt: 3, Duration: ms(2500), Continued: true,
			Problem: &event.Problem{Message: "HTTP 503"},
		},
		event.RunStopping{Reason: "interrupted", Running: []string{"phase.crash"}},
		event.NodeEnded{Node: "phase.later", Status: event.Cancelled})
	t.at(3000).emit(event.NodeEnded{
		Node: "phase.crash", Status: event.Unknown, Attempt: 1, Duration: ms(3000),
		Problem: &event.Problem{Message: "plugin \x1b[31mdied\x1b[0m"},
	})
	t.at(3100).emit(event.RunEnded{
		Status: event.RunInterrupted, Duration: ms(3100),
		Problem: &event.Problem{Message: "write journal /s/journal: no space left on device", Hint: "free space"},
		Counts:  map[event.Status]int{event.Failed: 2, event.Blocked: 7, event.Cancelled: 1, event.Unknown: 1},
	})
}

// undoRun removes things, but not all.
func undoRun(sink event.Sink) {
	t := tell(sink)
	t.emit(event.RunStarted{Operation: event.OperationUndo, Pipeline: "init.hcl", Engine: "v0.1.0", Nodes: 3})
	t.emit(event.NodeStarted{Node: etcd, Attempt: 1})
	t.at(100).emit(
		event.NodeEnded{Node: etcd, Status: event.Succeeded, Attempt: 1, Duration: ms(100)},
		event.NodeStarted{Node: ca, Attempt: 1})
	t.at(200).emit(
		event.NodeEnded{
			Node: ca, Status: event.Succeeded, Attempt: 1, Duration: ms(100),
			Leftovers: []string{"/etc/kubernetes/pki", "unit etcd.service"},
		},
		event.NodeEnded{Node: "phase.kernel", Status: event.Unchanged})
	t.at(210).emit(event.RunEnded{
		Status: event.RunDegraded, Duration: ms(210), Counts: map[event.Status]int{event.Succeeded: 2, event.Unchanged: 1},
	})
}
