package resource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// actions is a phase made of what build returns.
func actions(parallel bool, build func(in resource.Input[config]) []resource.Resource) resource.Phase[config, struct{}] {
	return resource.Phase[config, struct{}]{
		Name: "actions", Doc: "Actions.", Example: "-", Parallel: parallel,
		Build: func(_ context.Context, in resource.Input[config]) (resource.Work[struct{}], error) {
			return resource.Work[struct{}]{Resources: build(in)}, nil
		},
	}
}

func TestParallel(t *testing.T) {
	var meeting sync.WaitGroup // all have to be there at once
	meeting.Add(5)
	d := drive(t, actions(true, func(resource.Input[config]) []resource.Resource {
		var list []resource.Resource
		for i := range 5 {
			list = append(list, &resource.Once{Name: fmt.Sprint(i), Run: func(context.Context) error {
				meeting.Done()
				meeting.Wait()
				return nil
			}})
		}
		return list
	}))
	ok(t, d.apply(wantNames(), false))
}

func TestParallelFailureStopsTheOthers(t *testing.T) {
	d := drive(t, actions(true, func(resource.Input[config]) []resource.Resource {
		return []resource.Resource{
			&resource.Once{Name: "waits", Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			&resource.Once{Name: "fails", Run: func(context.Context) error { return errBroken }},
		}
	}))
	result := d.apply(wantNames(), false)
	equal(t, "error", result.Diagnostics.Error(), "action fails: disk on fire")
}

func TestOnceRunsOnce(t *testing.T) {
	var ran int
	file := filepath.Join(t.TempDir(), "f")
	d := drive(t, actions(false, func(in resource.Input[config]) []resource.Resource {
		return []resource.Resource{
			&resource.File{Path: file, Mode: 0o644},
			&resource.Once{Name: "act", Done: in.Unchanged, Reason: "because", Run: func(context.Context) error { ran++; return nil }},
		}
	}))
	equal(t, "plan", show(d.plan(wantNames(), false).Changes), "+ file "+file+" absent; > action act because")
	ok(t, d.apply(wantNames(), false))
	equal(t, "second plan", show(d.plan(wantNames(), true).Changes), "")

	// The file has drifted: Apply does what was planned and no more.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	equal(t, "plan", show(d.plan(wantNames(), true).Changes), "+ file "+file+" absent")
	ok(t, d.apply(wantNames(), true))
	if ran != 1 {
		t.Errorf("it ran %d times, want once", ran)
	}
	ok(t, d.apply(wantNames("changed"), false))
	if ran != 2 {
		t.Errorf("after a change: it ran %d times, want twice", ran)
	}
	ok(t, d.undo(cty.NilVal))
}

func TestPlanOfUnchangedIsItsRecord(t *testing.T) {
	d := drive(t, actions(false, func(in resource.Input[config]) []resource.Resource {
		return []resource.Resource{&resource.Once{Name: "act", Done: in.Unchanged, Run: func(context.Context) error { return nil }}}
	}))
	ok(t, d.apply(wantNames(), false))
	equal(t, "record", string(d.plan(wantNames(), true).Private), string(d.private))
}

func TestCancel(t *testing.T) {
	w := newWorld()
	p := w.phase()
	build := p.Build
	running := make(chan struct{})
	p.Build = func(ctx context.Context, in resource.Input[config]) (resource.Work[outputs], error) {
		work, err := build(ctx, in)
		work.Resources = append(work.Resources, &resource.Once{Name: "endless", Run: func(ctx context.Context) error {
			close(running)
			<-ctx.Done()
			return context.Cause(ctx)
		}}, &thing{Name: "never", world: w})
		return work, err
	}
	d := drive(t, p)
	id := sdk.Ident{Run: "r", Node: "n", Attempt: 1}
	go func() {
		<-running
		if known, err := d.client.Cancel(t.Context(), id, "enough"); !known || err != nil {
			t.Errorf("cancel: got %v, %v", known, err)
		}
	}()
	plan := d.plan(wantNames("a"), false)
	result, err := d.client.Apply(t.Context(), sdk.ApplyRequest{ID: id, Type: "things", Config: wantNames("a"), Private: plan.Private}, nil)
	if err != nil || result.Status != sdk.StatusCancelled {
		t.Fatalf("got %s, %v", result.Status, err)
	}
	equal(t, "error", result.Diagnostics.Error(), "action endless: cancelled: enough")
	equal(t, "things", w.names(), "a")
	d.private = result.Private
	ok(t, d.undo(cty.NilVal))
	equal(t, "things", w.names(), "")
}

func TestCancelledUndoKeepsTheRest(t *testing.T) {
	w := newWorld()
	d := drive(t, w.phase())
	ok(t, d.apply(wantNames("a", "b"), false))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	result, err := d.client.Undo(ctx, sdk.UndoRequest{Type: "things", Private: d.private}, nil)
	if err != nil || result.Status == sdk.StatusOK {
		t.Fatalf("got %s, %v", result.Status, err)
	}
	equal(t, "error", result.Diagnostics.Error(), "enough")
	equal(t, "things", w.names(), "a b")
	d.private = result.Private
	ok(t, d.undo(cty.NilVal))
	equal(t, "things", w.names(), "")
}

func TestWarn(t *testing.T) {
	var fail error
	d := drive(t, actions(true, func(resource.Input[config]) []resource.Resource {
		var list []resource.Resource
		for _, name := range []string{"a", "b"} {
			list = append(list, &resource.Once{Name: name, Run: func(ctx context.Context) error {
				resource.Warn(ctx, "swap is on", "Turn it off: swapoff -a")
				return fail
			}})
		}
		return list
	}))
	result := d.apply(wantNames(), false)
	ok(t, result)
	if len(result.Diagnostics) != 2 || result.Diagnostics.HasErrors() || result.Diagnostics[0].Detail != "Turn it off: swapoff -a" {
		t.Errorf("got %+v, want two warnings", result.Diagnostics)
	}
	log, isLog := d.events[0].(sdk.Log)
	if !isLog || log.Level != "warn" || log.Message != "swap is on" || log.Fields["hint"] == "" {
		t.Errorf("first event: got %+v, want the warning", d.events[0])
	}
	fail = errBroken
	result = d.apply(wantNames(), false)
	if len(result.Diagnostics) < 2 || !result.Diagnostics.HasErrors() {
		t.Errorf("got %+v, want a warning and an error", result.Diagnostics)
	}
}

// TestWarnInPlan warns of what a comparison found.
func TestWarnInPlan(t *testing.T) {
	d := drive(t, actions(false, func(resource.Input[config]) []resource.Resource {
		return []resource.Resource{&resource.Probe{Name: "p", Check: func(ctx context.Context) error {
			resource.Warn(ctx, "it is old", "Renew it.")
			return nil
		}}}
	}))
	diags := d.plan(wantNames(), false).Diagnostics
	if len(diags) != 1 || diags.HasErrors() || diags[0].Summary != "it is old" {
		t.Errorf("got %+v, want a warning", diags)
	}
}

func TestTargetForPeople(t *testing.T) {
	d := drive(t, actions(false, func(resource.Input[config]) []resource.Resource {
		return []resource.Resource{&titled{resource.Once{Name: "x", Run: func(context.Context) error { return nil }}}}
	}))
	equal(t, "plan", show(d.plan(wantNames(), false).Changes), "> action modprobe overlay")
	ok(t, d.apply(wantNames(), false))
	if !strings.Contains(string(d.private), `"target":"x"`) {
		t.Errorf("record: got %s, want the ID", d.private)
	}
}

// titled has another name in plans than in records.
type titled struct{ resource.Once }

func (t *titled) Diff(context.Context) (sdk.Change, error) {
	return sdk.Change{Op: sdk.OpRun, Target: "modprobe overlay"}, nil
}

func TestWorkDir(t *testing.T) {
	var got string
	d := drive(t, actions(false, func(in resource.Input[config]) []resource.Resource {
		got = in.WorkDir
		return nil
	}))
	dir := t.TempDir()
	t.Chdir(dir)
	d.plan(wantNames(), false)
	equal(t, "work dir", got, dir)
}
