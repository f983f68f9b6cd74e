package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
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
	archive := txtar.Parse([]byte(r.hcl)) // the pipeline, and files of its modules
	files := fstest.MapFS{"p.hcl": {Data: archive.Comment}}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	source, diags := config.Load(files, "p.hcl")
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
