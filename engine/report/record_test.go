package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

func TestWriteRecord(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 1, 2, 15, 4, second, 0, time.UTC) }
	took := event.Duration(1500 * time.Millisecond)
	nodes := []RecordedNode{
		{Address: `module.certs.phase.ca["ca"]`, Type: "pki.ca", Status: "succeeded", Started: at(1), Ended: at(2), Took: took},
		{Address: "phase.etcd", Type: "etcd.member", Status: "succeeded", Started: at(1), Ended: at(3)},
		{
			Address: "phase.plane", Type: "controlplane.start", Status: "failed", Started: at(1), Ended: at(4),
			Problem: &event.Problem{Message: "start kube-apiserver: exit status 1\nbind: in use\x1b[2J", Hint: "free the port", Source: "init.hcl:7"},
		},
		{Address: "phase.token", Type: "controlplane.token", Status: "applying", Started: at(5)},
		{Address: "phase.wait", Type: "core.wait", Status: "cancelled", Started: at(5), Ended: at(6)},
		{Address: "phase.lost", Type: "core.exec", Status: "unknown", Started: at(5), Ended: at(6)},
		{Address: "phase.dir", Type: "core.dir", Status: "leftovers", Started: at(5), Ended: at(6), Leftovers: []string{"/etc/kubernetes: not empty"}},
	}
	ended := RecordedRun{
		ID: "20260102T150400Z-1a2b3c", Operation: event.OperationApply, File: "init.hcl", Engine: "v1.0.0",
		Started: at(0), Ended: at(6), Duration: event.Duration(6 * time.Second), Status: event.RunFailed,
		Counts: map[event.Status]int{event.Succeeded: 1, event.Unchanged: 1, event.Failed: 1},
	}
	open := ended
	open.Ended, open.Status, open.Counts = time.Time{}, "", nil
	records := map[string]Record{
		"record":      {Pipeline: "init", Run: ended, Nodes: nodes},
		"record-open": {Pipeline: "init", Run: open, Damage: "torn record of 12 bytes", Nodes: nodes[:1]},
	}
	for name, r := range records {
		for suffix, opts := range map[string]Options{"": {}, "-color": {Color: true}} {
			t.Run(name+suffix, func(t *testing.T) {
				var out bytes.Buffer
				if err := WriteRecord(&out, r, opts); err != nil {
					t.Fatal(err)
				}
				golden(t, name+suffix+".txt", out.Bytes())
			})
		}
	}
}
