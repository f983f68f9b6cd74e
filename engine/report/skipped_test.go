package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/engine/event"
)

func TestAround(t *testing.T) {
	for address, want := range map[string]string{
		"phase.a":                             "",
		"module.m.phase.a":                    "module.m",
		`module.m["x.y"].module.n.phase.a`:    "module.m",
		`phase.a["module.m.phase.b"]`:         "",
		`module.etcd.module.member.phase.run`: "module.etcd",
		"module":                              "",
		"module.m":                            "",
	} {
		if got := around(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

// A plan has a line for each module that is left out as a whole, and for every
// phase that is left out of one that is not.
func TestPlanFoldsSkipped(t *testing.T) {
	skip := func(address string) PlanNode {
		return PlanNode{Address: address, Type: "core.noop", Action: Skip, Reason: "its condition is false"}
	}
	warned := skip("module.warns.phase.a")
	warned.Warnings = []event.Problem{{Message: "look"}}
	plan := Plan{Operation: event.OperationApply, Pipeline: "p.hcl", Nodes: []PlanNode{
		skip("module.off.phase.a"), skip("phase.a"), skip("module.one.phase.a"),
		{Address: "module.half.phase.a", Type: "core.noop", Action: None},
		skip("module.half.phase.b"), skip("module.half.phase.c"),
		skip(`module.off.phase.b["x"]`), skip("phase.b"), skip("module.off.module.in.phase.c"),
		warned, skip("module.warns.phase.b"),
	}}
	want := `apply p.hcl would do:

  . module.off            3 phases              skip: its condition is false
  . phase.a               core.noop             skip: its condition is false
  . module.one.phase.a    core.noop             skip: its condition is false
  . module.half.phase.b   core.noop             skip: its condition is false
  . module.half.phase.c   core.noop             skip: its condition is false
  . phase.b               core.noop             skip: its condition is false
  . module.warns.phase.a  core.noop             skip: its condition is false
      warning:
        look
  . module.warns.phase.b  core.noop             skip: its condition is false

Plan: 11 phases: 0 to change (0 create, 0 update, 0 delete, 0 run), 1 unchanged, 10 skipped
`
	var out bytes.Buffer
	if err := WritePlan(&out, plan, Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := WritePlan(&out, plan, Options{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "module.off.module.in.phase.c") {
		t.Errorf("verbose: got %s\nwant every phase", &out)
	}
}

// Lines of a run do the same with phases that are skipped one after the other.
func TestPlainFoldsSkipped(t *testing.T) {
	var out bytes.Buffer
	p := NewPlain(&out, Options{Width: 10})
	tl := tell(p)
	skipped := func(address string) event.NodeEnded {
		return event.NodeEnded{Node: address, Status: event.Skipped, Duration: ms(1), Reason: "when is false"}
	}
	tl.at(0).emit(event.NodeReady{Node: "module.m.phase.a"}, skipped("module.m.phase.a"), event.NodeReady{Node: "phase.b"}, skipped("phase.b"))
	tl.at(10).emit(skipped("module.m.phase.c"), skipped("module.n.phase.a"), event.NodeStarted{Node: "phase.d", Attempt: 1})
	if got := out.String(); got != "" {
		t.Errorf("before anything else happened: got %q", got)
	}
	tl.at(20).emit(event.NodeEnded{Node: "phase.d", Status: event.Unchanged, Duration: ms(10)}, skipped("module.m.phase.e"), skipped("module.m.phase.f"))
	tl.at(30).emit(event.RunEnded{Status: event.RunSucceeded})
	want := strings.Join([]string{
		"  . module.m    skipped             2 phases: when is false",
		"  . phase.b     skipped      0.00s  when is false",
		"  . module.n.phase.a  skipped      0.00s  when is false",
		"  = phase.d     unchanged    0.01s",
		"  . module.m    skipped             2 phases: when is false",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
