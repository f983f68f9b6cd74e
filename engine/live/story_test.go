package live

import (
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

func ms(n int) event.Duration { return event.Duration(time.Duration(n) * time.Millisecond) }

const (
	ca     = `module.certs.phase.ca["ca"]`
	etcd   = "phase.etcd"
	images = `phase.images["registry.k8s.io/kube-apiserver:v1.36.3"]`
	pause3 = `phase.images["pause"]`
	wait   = "phase.wait"
)

// scene is what happens at a time, in milliseconds.
type scene struct {
	at     int
	bodies []event.Body
}

// scenes show all that a frame can have.
func scenes() []scene {
	layer := func(id string, current, total int64) event.Body {
		return event.NodeProgress{Node: images, ID: id, Label: "pulling", Current: current << 20, Total: total << 20, Unit: "bytes"}
	}
	list := []scene{
		{0, []event.Body{
			event.RunStarted{Operation: event.OperationApply, Pipeline: "init.hcl", Engine: "v0.1.0", Nodes: 30, Slots: 10},
			event.NodeReady{Node: ca},
			event.NodeReady{Node: etcd},
			event.NodeReady{Node: images},
			event.NodeReady{Node: pause3},
		}},
		{100, []event.Body{
			event.NodeEnded{Node: "phase.kernel", Status: event.Unchanged, Duration: ms(10), Reason: "all is as wanted"},
			event.NodeStarted{Node: ca, Type: "pki.ca", Attempt: 1},
			event.NodeStarted{Node: images, Attempt: 1},
			event.NodeWaiting{Node: pause3, Pool: "pull"},
			event.ChangeDone{Node: ca, Change: event.Change{Op: event.OpCreate, Kind: "file", Target: "/etc/kubernetes/pki/ca.crt"}},
			layer("base", 12, 30),
		}},
		{1500, []event.Body{
			event.NodeEnded{Node: ca, Status: event.Succeeded, Attempt: 1, Changes: 1, Duration: ms(1400)},
			event.NodeStarted{Node: etcd, Type: "etcd.member", Attempt: 1},
			event.NodeReady{Node: wait},
			event.NodeLog{Node: etcd, Level: event.LevelInfo, Message: "starting etcd 3.6"},
			event.NodeLog{Node: images, Level: event.LevelInfo, Message: "pulling by digest"},
			layer("top", 31, 70),
		}},
		{4000, []event.Body{
			event.NodeLog{Node: etcd, Level: event.LevelInfo, Message: "elected \x1b[31mleader\n\n日本語のログ"},
			event.NodeLog{Node: etcd, Level: event.LevelWarn, Message: "fsync is slow", Fields: map[string]string{"took": "90 ms"}},
			event.NodeReady{Node: "phase.mark"},
			event.NodeWaiting{Node: "phase.mark", Pool: "api"},
			layer("base", 30, 30),
		}},
		{5000, []event.Body{event.NodeRetrying{
			Node: images, Attempt: 1, Attempts: 5, Reason: "pull: connection reset\nby peer", Delay: ms(1500),
		}}},
		{7000, []event.Body{event.NodeStarted{Node: images, Attempt: 2}, layer("top", 60, 70)}},
	}
	var many []event.Body
	for i := range 12 {
		node := fmt.Sprintf("phase.object[%q]", fmt.Sprint(i))
		many = append(many, event.NodeReady{Node: node}, event.NodeStarted{Node: node, Attempt: 1},
			event.NodeProgress{Node: node, ID: "copy", Current: int64(i), Unit: "files"})
	}
	list = append(list, scene{8000, many}, scene{12000, []event.Body{
		event.NodeEnded{
			Node: etcd, Status: event.Failed, Attempt: 1, Duration: ms(10500),
			Problem: &event.Problem{Message: "start etcd: exit status 1", Hint: "look at its log", Source: "init.hcl:14"},
		},
		event.NodeEnded{Node: wait, Status: event.Blocked, Cause: etcd},
		event.NodeEnded{Node: "phase.audit", Status: event.Skipped, Reason: "when is false"},
		event.RunStopping{Reason: "interrupted", Running: []string{images}},
	}})
	return list
}

// story plays all scenes with a frame after each, and ends what is left. Also
// gets the same events.
func story(th *theater, also event.SinkFunc) {
	th.stream = event.NewStream("01JD", func() time.Time { return th.now }, event.Tee(th.view, also))
	clock := 0
	for _, sc := range scenes() {
		for ; clock < sc.at; clock += 100 {
			th.at(clock).tick()
		}
		th.at(sc.at).emit(sc.bodies...)
	}
	th.tick().at(13000).emit(
		event.NodeEnded{Node: images, Status: event.Succeeded, Attempt: 2, Duration: ms(12900)},
		event.NodeEnded{Node: pause3, Status: event.Cancelled})
	th.tick().emit(event.RunEnded{Status: event.RunFailed, Duration: ms(13000)})
}
