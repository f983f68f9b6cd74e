package resource_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func TestPhaseLife(t *testing.T) {
	w := newWorld()
	d := drive(t, w.phase())
	plan := d.plan(wantNames("a", "b"), false)
	equal(t, "plan", show(plan.Changes), "+ thing a absent; + thing b absent")
	if got := plan.Outputs.GetAttr("count"); !got.RawEquals(cty.NumberIntVal(2)) {
		t.Errorf("planned count: got %#v, want 2", got)
	}
	if got := plan.Outputs.GetAttr("token"); got.IsKnown() {
		t.Errorf("planned token: got %#v, want it unknown", got)
	}

	result := d.apply(wantNames("a", "b"), false)
	ok(t, result)
	equal(t, "token", result.Outputs.GetAttr("token").AsString(), "late")
	equal(t, "order", strings.Join(w.log, "; "), "make a; make b")
	if done := d.events[len(d.events)-1]; done != (sdk.ChangeDone{Change: sdk.Change{Op: sdk.OpCreate, Kind: "thing", Target: "b", Reason: "absent"}}) {
		t.Errorf("last event: got %+v", done)
	}

	again := d.plan(wantNames("a", "b"), true)
	equal(t, "second plan", show(again.Changes), "")
	equal(t, "second record", string(again.Private), string(d.private))
	equal(t, "plan of undo", show(d.planUndo(wantNames("a", "b"))), "- thing b; - thing a")
	ok(t, d.undo(wantNames("a", "b")))
	equal(t, "after undo", w.names(), "")
	equal(t, "order", strings.Join(w.log[2:], "; "), "remove b; remove a")
	if d.private != nil {
		t.Errorf("record after undo: got %s, want none", d.private)
	}
}

func TestWhatWasThereBeforeStays(t *testing.T) {
	w := newWorld("a", "b")
	w.things["b"] = "other"
	d := drive(t, w.phase())
	equal(t, "plan", show(d.plan(wantNames("a", "b", "c"), false).Changes), "~ thing b other; + thing c absent")
	ok(t, d.apply(wantNames("a", "b", "c"), false))
	equal(t, "plan of undo", show(d.planUndo(cty.NilVal)), "- thing c")
	ok(t, d.undo(cty.NilVal))
	equal(t, "after undo", w.names(), "a b")
}

func TestDrift(t *testing.T) {
	w := newWorld()
	d := drive(t, w.phase())
	ok(t, d.apply(wantNames("a"), false))
	w.things["a"] = "changed"
	equal(t, "plan", show(d.plan(wantNames("a"), true).Changes), "~ thing a changed")
	ok(t, d.apply(wantNames("a"), true))
	delete(w.things, "a")
	equal(t, "plan", show(d.plan(wantNames("a"), true).Changes), "+ thing a absent")
	ok(t, d.apply(wantNames("a"), true))
	ok(t, d.undo(cty.NilVal)) // still the phase's own
	equal(t, "after undo", w.names(), "")
}

func TestDroppedThingsAreRemoved(t *testing.T) {
	w := newWorld("old")
	d := drive(t, w.phase())
	ok(t, d.apply(wantNames("old", "a", "b"), false))
	equal(t, "plan", show(d.plan(wantNames("b", "c"), false).Changes), "+ thing c absent; - thing a no longer wanted")
	w.broken["a"] = errBroken
	failed := d.apply(wantNames("b", "c"), false)
	if failed.Status != sdk.StatusFailed {
		t.Fatalf("with a broken: got %s", failed.Status)
	}
	equal(t, "things", w.names(), "a b c old")
	delete(w.broken, "a")
	equal(t, "plan", show(d.plan(wantNames("b", "c"), false).Changes), "- thing a no longer wanted")
	ok(t, d.apply(wantNames("b", "c"), false))
	equal(t, "things", w.names(), "b c old")
	equal(t, "plan", show(d.plan(wantNames("b", "c"), true).Changes), "")
}

func TestPartialFailure(t *testing.T) {
	w := newWorld()
	w.broken["b"] = sdk.Hint(errBroken, "Call the fire brigade.")
	d := drive(t, w.phase())
	result := d.apply(wantNames("a", "b", "c"), false)
	if result.Status != sdk.StatusFailed || len(result.Diagnostics) != 1 {
		t.Fatalf("got %s: %v", result.Status, result.Diagnostics)
	}
	equal(t, "summary", result.Diagnostics[0].Summary, "thing b: disk on fire")
	equal(t, "detail", result.Diagnostics[0].Detail, "Call the fire brigade.")
	equal(t, "log", strings.Join(w.log, "; "), "make a")

	delete(w.broken, "b")
	equal(t, "plan", show(d.plan(wantNames("a", "b", "c"), false).Changes), "+ thing b absent; + thing c absent")
	ok(t, d.undo(cty.NilVal))
	equal(t, "after undo", w.names(), "")
}

// TestCrash undoes with what was stored before Apply was called.
func TestCrash(t *testing.T) {
	w := newWorld("old")
	d := drive(t, w.phase())
	d.private = d.plan(wantNames("old", "a", "b"), false).Private
	w.things["a"] = "wanted" // as far as it came
	ok(t, d.undo(cty.NilVal))
	equal(t, "after undo", w.names(), "old")
}

func TestResumeAfterCrash(t *testing.T) {
	w := newWorld("old")
	d := drive(t, w.phase())
	d.private = d.plan(wantNames("old", "a", "b"), false).Private
	w.things["a"] = "wanted"
	equal(t, "plan", show(d.plan(wantNames("old", "a", "b"), false).Changes), "+ thing b absent")
	ok(t, d.apply(wantNames("old", "a", "b"), false))
	ok(t, d.undo(cty.NilVal))
	equal(t, "after undo", w.names(), "old")
}

func TestFailedOpenKeepsRecord(t *testing.T) {
	p := newWorld().phase()
	p.Build = func(context.Context, resource.Input[config]) (resource.Work[outputs], error) {
		return resource.Work[outputs]{}, errBroken
	}
	d := drive(t, p)
	result, err := d.client.Apply(t.Context(), sdk.ApplyRequest{
		ID: d.ident(), Type: "things", Config: wantNames("a"), Private: []byte(`{"entries":[]}`),
	}, nil)
	if err != nil || result.Status != sdk.StatusFailed {
		t.Fatalf("got %s, %v", result.Status, err)
	}
	equal(t, "record", string(result.Private), `{"entries":[]}`)
	d.private = []byte(`{"entries":`)
	if result := d.undo(cty.NilVal); result.Status != sdk.StatusFailed || string(result.Private) != `{"entries":` {
		t.Errorf("undo with a broken record: got %s and record %s", result.Status, result.Private)
	}
}

func TestBuildIsChecked(t *testing.T) {
	undeclared := newWorld().phase()
	undeclared.Kinds = nil
	tests := map[string]struct {
		phase resource.Phase[config, outputs]
		names []string
		want  string
	}{
		"undeclared kind": {undeclared, []string{"a"}, "build thing a: the phase type does not declare resources of that kind"},
		"twice":           {newWorld().phase(), []string{"a", "a"}, "build thing a: it is there twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := drive(t, tt.phase)
			_, err := d.client.Plan(t.Context(), sdk.PlanRequest{Type: "things", Config: wantNames(tt.names...)})
			var permanent *sdk.PermanentError
			if err == nil || err.Error() != tt.want || !errors.As(err, &permanent) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestUnknownKindInRecord(t *testing.T) {
	d := drive(t, newWorld().phase())
	d.private = []byte(`{"entries":[{"kind":"ghost","target":"g","made":true,"state":{}}]}`)
	result := d.undo(cty.NilVal)
	equal(t, "error", result.Diagnostics.Error(), "remove ghost g: this plugin does not know resources of that kind")
	if !strings.Contains(string(result.Private), "ghost") {
		t.Errorf("record: got %s, want it kept", result.Private)
	}
}

func TestValidate(t *testing.T) {
	p := newWorld().phase()
	p.Validate = func(c config) error {
		if len(c.Names) > 1 {
			return errors.New("too many names")
		}
		return nil
	}
	d := drive(t, p)
	tests := map[string]struct {
		config cty.Value
		want   string
	}{
		"good":    {wantNames("a"), ""},
		"bad":     {wantNames("a", "b"), "too many names"},
		"unknown": {cty.ObjectVal(map[string]cty.Value{"names": cty.UnknownVal(cty.List(cty.String))}), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			diags, err := d.client.Validate(t.Context(), "things", tt.config)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "error", diags.Error(), tt.want)
		})
	}
	result, err := d.client.Apply(t.Context(), sdk.ApplyRequest{Type: "things", Config: wantNames("a", "b")}, nil)
	if err != nil || !result.Diagnostics.Permanent() {
		t.Errorf("apply of a bad config: got %+v, %v, want a permanent error", result, err)
	}
}
