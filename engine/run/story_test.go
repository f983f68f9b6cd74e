package run

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// The transcripts in testdata/run are stories of a pipeline and its host. The
// commands are
//
//	pipeline            the pipeline from here on, one phase at a time; files of
//	                    modules follow as in a txtar archive
//	apply [fail-fast] [rerun=ADDRESS]
//	undo
//	host [NAME=VALUE]…  changes things behind the back of the engine, lists all
//	state               what is recorded
//	type-version N      another version of the phase type from here on
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/run", func(t *testing.T, path string) {
		t.Helper()
		r := newRig(t, "")
		r.opts.Parallelism = 1
		r.opts.Clock = func() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) }
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			r.t = t
			return r.tell(d)
		})
	})
}

func (r *rig) tell(d *datadriven.TestData) string {
	switch d.Cmd {
	case "pipeline":
		r.hcl = d.Input
		return ""
	case "apply":
		r.opts.FailFast = d.HasArg("fail-fast")
		r.rerun = ""
		if d.HasArg("rerun") {
			d.ScanArgs(r.t.(*testing.T), "rerun", &r.rerun)
		}
		r.apply(r.t.Context())
		return r.transcript()
	case "undo":
		r.undo(r.t.Context())
		return r.transcript()
	case "host":
		for _, arg := range d.CmdArgs {
			r.w.set(arg.Key, strings.Join(arg.Vals, ""))
		}
		var lines []string
		for name, value := range r.w.things {
			lines = append(lines, name+" = "+value+"\n")
		}
		slices.Sort(lines)
		return strings.Join(lines, "")
	case "state":
		var b strings.Builder
		s := r.state()
		for _, a := range s.Addresses() {
			n := s.Nodes[a]
			fmt.Fprintf(&b, "%s: %s, attempt %d, record %q, depends on %v\n", short(a), n.Status, n.Attempt, n.Private, n.Depends)
		}
		return b.String()
	case "type-version":
		_, err := fmt.Sscan(d.CmdArgs[0].Key, &r.w.version)
		if err != nil {
			d.Fatalf(r.t.(*testing.T), "%v", err)
		}
		return ""
	}
	d.Fatalf(r.t.(*testing.T), "unknown command %s", d.Cmd)
	return ""
}
