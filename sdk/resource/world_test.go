package resource_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// world is a host on which named things have values.
type world struct {
	mu     sync.Mutex
	things map[string]string
	broken map[string]error // things that cannot be made or removed
	log    []string
}

func newWorld(names ...string) *world {
	w := &world{things: map[string]string{}, broken: map[string]error{}}
	for _, name := range names {
		w.things[name] = "wanted"
	}
	return w
}

func (w *world) names() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(w.things)), " ")
}

// note keeps what was done, in order.
func (w *world) note(what, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.broken[name]; err != nil {
		return err
	}
	w.log = append(w.log, what+" "+name)
	return nil
}

// thing is a resource of that world.
type thing struct {
	Name  string `json:"name"`
	world *world
}

func (t *thing) ID() resource.ID { return resource.ID{Kind: "thing", Target: t.Name} }

func (t *thing) Diff(context.Context) (sdk.Change, error) {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	switch value, ok := t.world.things[t.Name]; {
	case !ok:
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case value != "wanted":
		return sdk.Change{Op: sdk.OpUpdate, Reason: value}, nil
	}
	return sdk.Change{}, nil
}

func (t *thing) Render(context.Context) error {
	if err := t.world.note("make", t.Name); err != nil {
		return err
	}
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	t.world.things[t.Name] = "wanted"
	return nil
}

func (t *thing) Remove(context.Context) error {
	if err := t.world.note("remove", t.Name); err != nil {
		return err
	}
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	delete(t.world.things, t.Name)
	return nil
}

func (w *world) kind() resource.Kind {
	return resource.Kind{Name: "thing", Restore: func(state json.RawMessage) (resource.Resource, error) {
		t := &thing{world: w}
		return t, json.Unmarshal(state, t)
	}}
}

type config struct {
	Names []string `cf:"names" doc:"Names of things."`
}

type outputs struct {
	Count int    `cf:"count" doc:"How many."`
	Token string `cf:"token,late" doc:"Known late."`
}

// phase wants the things that its config names.
func (w *world) phase() resource.Phase[config, outputs] {
	return resource.Phase[config, outputs]{
		Name: "things", Doc: "Things.", Example: `phase "w.things" "t" {}`,
		Kinds: []resource.Kind{w.kind()},
		Build: func(_ context.Context, in resource.Input[config]) (resource.Work[outputs], error) {
			work := resource.Work[outputs]{
				Known:   func() outputs { return outputs{Count: len(in.Config.Names)} },
				Outputs: func(context.Context) (outputs, error) { return outputs{len(in.Config.Names), "late"}, nil },
			}
			for _, name := range in.Config.Names {
				work.Resources = append(work.Resources, &thing{Name: name, world: w})
			}
			return work, nil
		},
	}
}

// driver calls a phase type as the engine does and keeps what the engine keeps.
type driver struct {
	t       *testing.T
	client  sdk.Client
	typ     sdk.Type
	private []byte
	events  []sdk.Event
	attempt int
}

func drive[C, O any](t *testing.T, p resource.Phase[C, O]) *driver {
	t.Helper()
	spec := sdk.Spec{Name: "w", Version: "1", Types: []sdk.Type{p.Type()}}
	if err := sdk.ValidateSpec(spec); err != nil {
		t.Fatal(err)
	}
	return &driver{t: t, client: sdk.Direct(spec), typ: spec.Types[0]}
}

func (d *driver) plan(config cty.Value, unchanged bool) sdk.Plan {
	d.t.Helper()
	plan, err := d.client.Plan(d.t.Context(), sdk.PlanRequest{
		Type: d.typ.Name, Config: config, Private: d.private, Unchanged: unchanged,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return plan
}

func (d *driver) ident() sdk.Ident {
	d.attempt++
	return sdk.Ident{Run: "r", Node: "n", Attempt: d.attempt}
}

// apply plans and, when there is something to do, applies.
func (d *driver) apply(config cty.Value, unchanged bool) sdk.Result {
	d.t.Helper()
	plan := d.plan(config, unchanged)
	if len(plan.Changes) == 0 {
		d.private = plan.Private
		return sdk.Result{Status: sdk.StatusOK, Outputs: plan.Outputs}
	}
	result, err := d.client.Apply(d.t.Context(), sdk.ApplyRequest{
		ID: d.ident(), Type: d.typ.Name, Config: config, Private: plan.Private,
	}, d.emit)
	if err != nil {
		d.t.Fatal(err)
	}
	d.private = result.Private
	return result
}

func (d *driver) emit(e sdk.Event) { d.events = append(d.events, e) }

func (d *driver) undo(config cty.Value) sdk.Result {
	d.t.Helper()
	result, err := d.client.Undo(d.t.Context(), sdk.UndoRequest{
		ID: d.ident(), Type: d.typ.Name, Config: config, Private: d.private,
	}, d.emit)
	if err != nil {
		d.t.Fatal(err)
	}
	d.private = result.Private
	return result
}

func (d *driver) planUndo(config cty.Value) []sdk.Change {
	d.t.Helper()
	plan, err := d.client.Plan(d.t.Context(), sdk.PlanRequest{Type: d.typ.Name, Config: config, Private: d.private, Undo: true})
	if err != nil {
		d.t.Fatal(err)
	}
	return plan.Changes
}

func ok(t *testing.T, r sdk.Result) {
	t.Helper()
	if r.Status != sdk.StatusOK {
		t.Fatalf("got %s: %v", r.Status, r.Diagnostics)
	}
}

func wantNames(names ...string) cty.Value {
	return sdk.Encode(config{Names: append([]string{}, names...)})
}

// show is a list of changes as a person sees it.
func show(changes []sdk.Change) string {
	var lines []string
	for _, c := range changes {
		lines = append(lines, strings.TrimSpace(c.Op.Symbol()+" "+c.Kind+" "+c.Target+" "+c.Reason))
	}
	return strings.Join(lines, "; ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

var errBroken = errors.New("disk on fire")
