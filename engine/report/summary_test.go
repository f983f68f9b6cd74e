package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

func write(t *testing.T, s *Summary, opts Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := s.Write(&out, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTimeline(t *testing.T) {
	s := &Summary{}
	tl := tell(s)
	tl.emit(event.RunStarted{Operation: event.OperationApply, Nodes: 4}, event.NodeReady{Node: "waits"}, event.NodeReady{Node: "retries"})
	tl.emit(event.NodeStarted{Node: "retries", Attempt: 1})
	tl.at(2000).emit(event.NodeRetrying{Node: "retries", Attempt: 1})
	tl.at(4000).emit(event.NodeStarted{Node: "retries", Attempt: 2}, event.NodeStarted{Node: "waits", Attempt: 1})
	tl.at(5000).emit(event.NodeReady{Node: "blink"}, event.NodeStarted{Node: "blink"}, event.NodeEnded{Node: "blink", Status: event.Succeeded})
	tl.at(7000).emit(event.NodeEnded{Node: "waits", Status: event.Succeeded})
	tl.at(9000).emit(event.NodeEnded{Node: "looked", Status: event.Unchanged, Duration: ms(1000)})
	tl.at(10000).emit(event.NodeEnded{Node: "retries", Status: event.Failed})
	tl.emit(event.RunEnded{Status: event.RunFailed, Duration: ms(10000), Counts: map[event.Status]int{event.Succeeded: 2, event.Failed: 1, event.Unchanged: 1}})
	want := `
! retries: failed

   time  0s             10.0s
  8.00s  ====....============  retries
  3.00s  ........======------  waits
  1.00s  ----------------==--  looked
         and 1 phase that took less

apply failed: 4 phases in 10.0s (12.0s of work, up to 2 at once): 2 done, 1 unchanged, 1 failed
`
	if got := write(t, s, Options{Bar: 20}); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := write(t, s, Options{Bar: 20, Verbose: true}); !strings.Contains(got, "\n  0.00s  ----------=---------  blink\n") {
		t.Errorf("verbose: got %s\nwant the short one too", got)
	}
	got := write(t, s, Options{Bar: 20, Rows: 2})
	if strings.Contains(got, "blink") || !strings.Contains(got, "and 2 phases that took less") {
		t.Errorf("with two rows: got %s", got)
	}
}

// A summary can be had at any time: what runs is counted up to the last event.
func TestSummaryOfARunThatHasNotEnded(t *testing.T) {
	s := &Summary{}
	tl := tell(s)
	tl.emit(event.RunStarted{Operation: event.OperationApply, Nodes: 2}, event.NodeStarted{Node: "a"}, event.NodeStarted{Node: "b"})
	tl.at(1000).emit(event.NodeEnded{Node: "a", Status: event.Succeeded})
	tl.at(2000).emit(event.NodeLog{Node: "b", Message: "still here"})
	want := "apply not ended: 2 phases in 2.00s (3.00s of work, up to 2 at once): 1 done\n"
	if got := write(t, s, Options{}); !strings.HasSuffix(got, want) {
		t.Errorf("got %s\nwant %s at its end", got, want)
	}
	if got, want := write(t, &Summary{}, Options{}), "\nrun not ended: 0 phases in 0.00s\n"; got != want {
		t.Errorf("of nothing: got %q, want %q", got, want)
	}
}

// One phase that ends when the next one starts was not beside it.
func TestBusiest(t *testing.T) {
	s := &Summary{}
	tl := tell(s)
	for i := range 5 {
		tl.at(i * 100).emit(event.NodeStarted{Node: fmt.Sprint(i)})
		tl.at((i + 1) * 100).emit(event.NodeEnded{Node: fmt.Sprint(i), Status: event.Succeeded})
	}
	if got := busiest(s.records()); got != 1 {
		t.Errorf("at once: got %d, want 1", got)
	}
}

func TestWritePlan(t *testing.T) {
	diff := "--- /etc/a\n+++ /etc/a\n@@ -1 +1 @@\n-old\n+new\n"
	nodes := []PlanNode{
		{Address: "phase.kernel", Type: "preflight.host", Action: None, Reason: "all is as wanted"},
		{Address: ca, Type: "pki.ca", Action: Apply, Reason: "first run", Changes: []event.Change{
			{Op: event.OpCreate, Kind: "certificate", Target: "/etc/kubernetes/pki/ca.crt", Reason: "absent"},
			{Op: event.OpCreate, Kind: "key", Target: "/etc/kubernetes/pki/ca.key", Reason: "absent"},
		}},
		{Address: "phase.config", Type: "kubelet.config", Action: Apply, Reason: "inputs changed: dns", Changes: []event.Change{
			{Op: event.OpUpdate, Kind: "file", Target: "/etc/a", Reason: "content differs", Diff: diff},
			{Op: event.OpRun, Kind: "service", Target: "kubelet", Reason: "restart", Disruptive: true},
			{Op: event.OpDelete, Kind: "file", Target: "/etc/b", Disruptive: true},
		}},
		{Address: "phase.wait", Type: "controlplane.wait", Action: Later, Reason: "needs an output", After: []string{"phase.config", ca}},
		{Address: "phase.audit", Type: "controlplane.audit_policy", Action: Skip, Reason: "when is false"},
		{
			Address: "phase.old", Type: "pki.cert", Action: None,
			Warnings: []event.Problem{{Message: "certificate expires in 20 days", Hint: "renew it", Source: "init.hcl:9"}},
		},
	}
	for name, tt := range map[string]struct {
		plan Plan
		opts Options
	}{
		"plan":         {Plan{event.OperationApply, "init.hcl", nodes, []string{"phase.old", "phase.older"}, false}, Options{}},
		"plan-verbose": {Plan{event.OperationApply, "init.hcl", nodes, nil, false}, Options{Verbose: true}},
		"plan-color":   {Plan{event.OperationApply, "init.hcl", nodes, nil, false}, Options{Color: true}},
		"plan-undo":    {Plan{event.OperationUndo, "init.hcl", nodes[:2], nil, false}, Options{}},
		"plan-empty":   {Plan{event.OperationApply, "init.hcl", nodes[:1], nil, false}, Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := WritePlan(&out, tt.plan, tt.opts); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", out.Bytes())
			if got, want := tt.plan.HasChanges(), name != "plan-empty"; got != want {
				t.Errorf("has changes: got %v, want %v", got, want)
			}
		})
	}
}
