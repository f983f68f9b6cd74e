package state

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/engine/event"
)

// at returns a time that is easy to read: n seconds into the test's day.
func at(n int) time.Time { return time.Date(2026, 1, 2, 0, 0, n, 0, time.UTC) }

func id(typ, inputs string) Identity {
	return Identity{
		Type:       typ,
		Plugin:     Plugin{Name: "pki", Version: "v1", Digest: "d1"},
		Inputs:     inputs,
		Attributes: Digests{{Name: "cn", Sum: inputs}},
		Config:     json.RawMessage(`{"cn":"x"}`),
	}
}

func run(name string) RunStart {
	return RunStart{Run{ID: name, Operation: event.OperationApply, Pipeline: "init.hcl", Engine: "v0", Started: at(0)}}
}

func start(address, inputs, private string, n int) NodeStart {
	return NodeStart{Address: address, Identity: id("pki.ca", inputs), Attempt: 1, Private: []byte(private), Time: at(n)}
}

func end(address string, status event.Status, private string, n int) NodeEnd {
	return NodeEnd{
		Address: address, Status: status, Private: []byte(private), Time: at(n), Took: time.Second,
		Outputs: json.RawMessage(`{"n":"` + private + `"}`),
	}
}

func fold(records ...Record) *State {
	s := New()
	for _, r := range records {
		s.Apply(r)
	}
	return s
}

// brief is what the fold tables look at.
type brief struct {
	Status  Status
	Inputs  string // of the last attempt
	Good    string // inputs of the last success, or "none"
	Private string
	Order   uint64
	Run     string
}

func summarise(s *State, address string) brief {
	n := s.Nodes[address]
	if n == nil {
		return brief{}
	}
	b := brief{Status: n.Status, Inputs: n.Inputs, Good: "none", Private: string(n.Private), Order: n.Order, Run: n.Run}
	if n.Success != nil {
		b.Good = n.Success.Inputs
	}
	return b
}

// foldTest says what is known of node a after some records.
type foldTest struct {
	records []Record
	want    brief
}

func testFold(t *testing.T, tests map[string]foldTest) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := fold(tt.records...)
			if diff := cmp.Diff(tt.want, summarise(s, "a")); diff != "" {
				t.Errorf("node a (-want +got):\n%s", diff)
			}
			again := fold(append([]Record{run("old"), start("gone", "h", "p", 1)}, s.snapshot()...)...)
			if diff := equalStates(s, again); diff != "" {
				t.Errorf("state after its own snapshot (-want +got):\n%s", diff)
			}
		})
	}
}

// once is a first run in which node a succeeded; it is followed by more.
func once(more ...Record) []Record {
	return append([]Record{run("r1"), start("a", "h1", "p0", 1), end("a", event.Succeeded, "p1", 2)}, more...)
}

func failed() NodeEnd {
	return NodeEnd{Address: "a", Status: event.Failed, Problem: &event.Problem{Message: "open /x: denied"}, Time: at(4)}
}

func TestFoldAttempts(t *testing.T) {
	testFold(t, map[string]foldTest{
		"nothing": {},
		"started": {
			[]Record{run("r1"), start("a", "h1", "p0", 1)},
			brief{Applying, "h1", "none", "p0", 1, "r1"},
		},
		"checkpoint": {
			[]Record{run("r1"), start("a", "h1", "p0", 1), Checkpoint{"a", []byte("p1")}},
			brief{Applying, "h1", "none", "p1", 1, "r1"},
		},
		"checkpoint of a node that never began": {records: []Record{run("r1"), Checkpoint{"a", []byte("p1")}}},
		"end of a node that never began":        {records: []Record{run("r1"), failed()}},
		"succeeded":                             {once(), brief{Succeeded, "h1", "h1", "p1", 2, "r1"}},
		"failed at first": {
			[]Record{run("r1"), start("a", "h1", "p0", 1), failed()},
			brief{Failed, "h1", "none", "p0", 1, "r1"},
		},
		"failed later keeps the success": {
			once(run("r2"), start("a", "h2", "p2", 3), failed()),
			brief{Failed, "h2", "h1", "p2", 2, "r2"},
		},
		"started later keeps success and order": {
			once(run("r2"), start("a", "h2", "", 3)),
			brief{Applying, "h2", "h1", "p1", 2, "r2"},
		},
		"cancelled": {
			[]Record{run("r1"), start("a", "h1", "p0", 1), end("a", event.Cancelled, "p9", 2)},
			brief{Cancelled, "h1", "none", "p9", 1, "r1"},
		},
		"plugin died": {
			[]Record{run("r1"), start("a", "h1", "p0", 1), end("a", event.Unknown, "", 2)},
			brief{Unknown, "h1", "none", "p0", 1, "r1"},
		},
		"skipped and blocked nodes keep what is known": {
			once(run("r2"), NodeEnd{Address: "a", Status: event.Skipped}, NodeEnd{Address: "a", Status: event.Blocked}),
			brief{Succeeded, "h1", "h1", "p1", 2, "r1"},
		},
	})
}

func TestFoldAgain(t *testing.T) {
	adopted := id("pki.ca", "h2")
	testFold(t, map[string]foldTest{
		"unchanged without a start": {
			[]Record{run("r1"), NodeEnd{Address: "a", Status: event.Unchanged, Identity: &adopted, Private: []byte("p1"), Time: at(1)}},
			brief{Succeeded, "h2", "h2", "p1", 1, "r1"},
		},
		"unchanged keeps the order": {
			once(run("r2"), NodeEnd{Address: "a", Status: event.Unchanged, Identity: &adopted, Time: at(4)}),
			brief{Succeeded, "h2", "h2", "p1", 2, "r2"},
		},
		"done again moves the order": {
			once(start("a", "h1", "", 3), end("a", event.Succeeded, "p2", 4)),
			brief{Succeeded, "h1", "h1", "p2", 3, "r1"},
		},
		"another type is another node": {
			once(NodeStart{Address: "a", Identity: id("pki.cert", "h3"), Attempt: 1}),
			brief{Applying, "h3", "none", "", 3, "r1"},
		},
	})
}

func TestFoldUndo(t *testing.T) {
	testFold(t, map[string]foldTest{
		"undo began": {
			once(UndoStart{Address: "a", Attempt: 1, Time: at(3)}),
			brief{Undoing, "h1", "none", "p1", 2, "r1"},
		},
		"undo failed": {
			once(UndoStart{Address: "a", Attempt: 1, Time: at(3)}, failed()),
			brief{Failed, "h1", "none", "p1", 2, "r1"},
		},
		"undone":                         {records: once(UndoStart{Address: "a"}, NodeUndone{Address: "a"})},
		"undo of a node that is unknown": {records: []Record{UndoStart{Address: "a"}, NodeUndone{Address: "a", Leftovers: []string{"x"}}}},
		"undone with leftovers": {
			once(UndoStart{Address: "a"}, NodeUndone{Address: "a", Leftovers: []string{"/x"}, Private: []byte("p3")}),
			brief{Leftovers, "h1", "none", "p3", 2, "r1"},
		},
	})
}

func TestFoldRun(t *testing.T) {
	counts := map[event.Status]int{event.Succeeded: 1}
	s := fold(run("r1"), start("a", "h1", "p", 1), end("a", event.Succeeded, "p", 2))
	if !s.Run.Interrupted() {
		t.Error("a run without end is not interrupted")
	}
	s.Apply(RunEnd{Status: event.RunDegraded, Counts: counts, Time: at(3)})
	want := run("r1").Run
	want.Ended, want.Status, want.Counts = at(3), event.RunDegraded, counts
	if diff := cmp.Diff(want, s.Run); diff != "" || s.Run.Interrupted() {
		t.Errorf("ended run, interrupted %v (-want +got):\n%s", s.Run.Interrupted(), diff)
	}
	s.Apply(run("r2"))
	if diff := cmp.Diff(run("r2").Run, s.Run); diff != "" {
		t.Errorf("next run (-want +got):\n%s", diff)
	}
	if New().Run.Interrupted() {
		t.Error("no run at all is an interrupted one")
	}
	if s.Empty() || !New().Empty() {
		t.Errorf("empty: got %v and %v, want false and true", s.Empty(), New().Empty())
	}
}

func TestSuccessKeepsWhatResumeNeeds(t *testing.T) {
	s := fold(run("r1"), start("a", "h1", "p0", 1), end("a", event.Succeeded, "p1", 2),
		run("r2"), start("a", "h2", "p2", 3), NodeEnd{Address: "a", Status: event.Failed, Time: at(4), Took: time.Minute})
	want := &Success{
		Run: "r1", Time: at(2), Inputs: "h1", Attributes: Digests{{Name: "cn", Sum: "h1"}}, Config: json.RawMessage(`{"cn":"x"}`), Outputs: json.RawMessage(`{"n":"p1"}`),
	}
	if diff := cmp.Diff(want, s.Success("a")); diff != "" {
		t.Errorf("success (-want +got):\n%s", diff)
	}
	if got := s.Success("b"); got != nil {
		t.Errorf("success of a node that is not known: got %v", got)
	}
	if got := s.Nodes["a"].Took; got != time.Second {
		t.Errorf("took: got %v, want that of the success, 1s", got)
	}
}

func TestStatusOpen(t *testing.T) {
	var open []Status
	for _, s := range []Status{Applying, Undoing, Succeeded, Failed, Cancelled, Unknown, Leftovers} {
		if s.Open() {
			open = append(open, s)
		}
	}
	if diff := cmp.Diff([]Status{Applying, Undoing, Unknown}, open); diff != "" {
		t.Errorf("open statuses (-want +got):\n%s", diff)
	}
}
