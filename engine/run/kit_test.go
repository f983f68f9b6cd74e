package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig runs pipelines against a world.
type rig struct {
	t       testing.TB // of the subtest that runs
	w       *world
	dir     string // of the state
	hcl     string
	opts    Options
	rerun   string
	vars    map[string]expand.VarInput
	known   plan.Outcomes // of the last apply
	err     error         // of the last run
	watch   func(event.Event)
	settled bool // plan before, as the command line does

	mu     sync.Mutex
	events []event.Event
}

func newRig(tb testing.TB, hcl string) *rig {
	tb.Helper()
	return &rig{t: tb, w: newWorld(), dir: filepath.Join(tb.TempDir(), "state"), hcl: hcl}
}

// Emit implements [event.Sink].
func (r *rig) Emit(e event.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	if r.watch != nil {
		r.watch(e)
	}
}

func (r *rig) planner() *plan.Planner {
	r.t.Helper()
	h := &host{w: r.w}
	source, diags := config.Load(fstest.MapFS{"p.hcl": {Data: []byte(r.hcl)}}, "p.hcl")
	if diags.HasErrors() {
		r.t.Fatal(diags)
	}
	program, diags := expand.Expand(source, r.vars, h)
	if diags.HasErrors() {
		r.t.Fatal(diags)
	}
	return &plan.Planner{Program: program, Plugins: h, Key: []byte("key"), Rerun: map[string]bool{r.rerun: true}}
}

func (r *rig) open() *state.Store {
	r.t.Helper()
	store, err := state.Open(r.dir, state.Self("test", time.Now()))
	if err != nil {
		r.t.Fatal(err)
	}
	return store
}

func (r *rig) options(store *state.Store, h Launcher) Options {
	opts := r.opts
	opts.ID, opts.Pipeline, opts.Engine = "r1", "p.hcl", "test"
	opts.Sink, opts.Store, opts.Launcher = r, store, h
	r.events = nil
	return opts
}

// apply applies the pipeline, as a process of its own would.
func (r *rig) apply(ctx context.Context) Result {
	r.t.Helper()
	planner := r.planner()
	store := r.open()
	if r.settled {
		planned, err := planner.Build(ctx, store.State())
		if err != nil {
			r.t.Fatal(err)
		}
		planner.Settled = planned.Settled(planner.Program)
	}
	result, known, err := Apply(ctx, planner, r.options(store, planner.Plugins.(*host)))
	r.known, r.err = known, err
	r.close(store)
	return result
}

func (r *rig) undo(ctx context.Context) Result {
	r.t.Helper()
	store := r.open()
	result, err := Undo(ctx, store.State().UndoOrder(), r.options(store, &host{w: r.w}))
	r.err = err
	r.close(store)
	return result
}

func (r *rig) close(store *state.Store) {
	r.t.Helper()
	var broken *StateError
	if err := store.Close(); err != nil && !errors.As(r.err, &broken) {
		r.t.Error(err)
	}
	r.checkEnds()
}

// checkEnds sees to it that every phase has one end, and the run one beginning
// and one end.
func (r *rig) checkEnds() {
	r.t.Helper()
	ends := map[string]int{}
	planned := 0
	for i, e := range r.events {
		switch b := e.Body.(type) {
		case event.RunStarted:
			planned = b.Nodes
			if i != 0 {
				r.t.Errorf("run_started is event %d", i)
			}
		case event.NodeEnded:
			ends[b.Node]++
		case event.RunEnded:
			if i != len(r.events)-1 {
				r.t.Errorf("run_ended is event %d of %d", i, len(r.events))
			}
		}
	}
	for node, n := range ends {
		if n != 1 {
			r.t.Errorf("%s ended %d times", node, n)
		}
	}
	if len(ends) != planned {
		r.t.Errorf("%d phases ended, want %d: %v", len(ends), planned, slices.Sorted(maps.Keys(ends)))
	}
}

func (r *rig) state() *state.State {
	r.t.Helper()
	s, err := state.Read(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) journal() string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "journal"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// statuses lists how each phase ended: "a succeeded, b blocked".
func (r *rig) statuses() string {
	var out []string
	for _, e := range r.events {
		if b, ok := e.Body.(event.NodeEnded); ok {
			out = append(out, short(b.Node)+" "+string(b.Status))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (r *rig) ended(name string) event.NodeEnded {
	r.t.Helper()
	for _, e := range r.events {
		if b, ok := e.Body.(event.NodeEnded); ok && short(b.Node) == name {
			return b
		}
	}
	r.t.Fatalf("no end of %s", name)
	return event.NodeEnded{}
}

// expect compares how the phases and the run ended.
func (r *rig) expect(result Result, status event.RunStatus, statuses string) {
	r.t.Helper()
	if result.Status != status {
		r.t.Errorf("run: got %s, want %s", result.Status, status)
	}
	if got := r.statuses(); got != statuses {
		r.t.Errorf("phases:\ngot  %s\nwant %s", got, statuses)
	}
}

func short(address string) string { return strings.TrimPrefix(address, "phase.") }

// await waits for a phase that tells that it began.
func (r *rig) await(address string) {
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	select {
	case got := <-r.w.began:
		if got != address {
			r.t.Errorf("began: got %s, want %s", got, address)
		}
	case <-late.C:
		r.t.Errorf("%s did not begin", address)
	}
}

// background runs f beside the test, which waits for it.
func (r *rig) background(f func()) (wait func()) {
	var group sync.WaitGroup
	group.Go(f)
	return group.Wait
}

// transcript is what a run told, in a form that reads well.
func (r *rig) transcript() string {
	var b strings.Builder
	for _, e := range r.events {
		if line := line(e.Body); line != "" {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}

func line(body event.Body) string {
	switch b := body.(type) {
	case event.RunStarted:
		return fmt.Sprintf("%s begins: %d phases%s", b.Operation, b.Nodes, prefixed("; resumes ", b.Resumes))
	case event.NodePlanned:
		var changes []string
		for _, c := range b.Changes {
			changes = append(changes, fmt.Sprintf("%s %s %s", c.Op, c.Kind, c.Target))
		}
		return fmt.Sprintf("%s: planned%s%s", short(b.Node), prefixed(" because ", b.Reason), prefixed(": ", strings.Join(changes, ", ")))
	case event.NodeWaiting:
		return fmt.Sprintf("%s: waits for pool %s", short(b.Node), b.Pool)
	case event.NodeStarted:
		return fmt.Sprintf("%s: started, attempt %d", short(b.Node), b.Attempt)
	case event.NodeRetrying:
		return fmt.Sprintf("%s: attempt %d of %d failed, next in %s: %s", short(b.Node), b.Attempt, b.Attempts, b.Delay.Std(), b.Reason)
	case event.NodeLog:
		return fmt.Sprintf("%s: %s: %s", short(b.Node), b.Level, b.Message)
	case event.NodeEnded:
		return ended(b)
	case event.RunStopping:
		return fmt.Sprintf("stopping: %s%s", b.Reason, prefixed("; running: ", strings.Join(b.Running, ", ")))
	case event.RunEnded:
		text := fmt.Sprintf("run %s: %v", b.Status, b.Counts)
		if b.Problem != nil {
			text += "; " + b.Problem.Message
		}
		return text
	}
	return ""
}

func ended(b event.NodeEnded) string {
	text := fmt.Sprintf("%s: %s%s%s", short(b.Node), b.Status, prefixed(" by ", b.Cause), prefixed(", ", b.Reason))
	if b.Continued {
		text += ", the run goes on"
	}
	if b.Problem != nil {
		text += fmt.Sprintf("\n  problem: %s%s%s", b.Problem.Message, prefixed("\n  hint: ", b.Problem.Hint), prefixed("\n  at ", b.Problem.Source))
	}
	return text
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
