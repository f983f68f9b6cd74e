package sdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/zclconf/go-cty/cty"
	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/sdk"
)

// handler is made of functions; those that are nil do nothing.
type handler struct {
	validate func(cty.Value) sdk.Diagnostics
	plan     func(sdk.PlanRequest) (sdk.Plan, error)
	apply    func(context.Context) (sdk.Result, error)
}

func (h handler) Validate(_ context.Context, v cty.Value) sdk.Diagnostics {
	if h.validate == nil {
		return nil
	}
	return h.validate(v)
}

func (h handler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	if h.plan == nil {
		return sdk.Plan{}, nil
	}
	return h.plan(req)
}

func (h handler) Apply(ctx context.Context, _ sdk.ApplyRequest) (sdk.Result, error) {
	return h.apply(ctx)
}

func (h handler) Undo(ctx context.Context, _ sdk.UndoRequest) (sdk.Result, error) {
	return h.apply(ctx)
}

func client(h handler, outputs ...sdk.Attribute) sdk.Client {
	return sdk.Direct(sdk.Spec{
		Name: "p", Version: "1", Types: []sdk.Type{{Name: "t", Version: 2, Handler: h, Outputs: outputs}},
	})
}

func call(h handler, outputs ...sdk.Attribute) (sdk.Result, []sdk.Event, error) {
	var events []sdk.Event
	r, err := client(h, outputs...).Apply(context.Background(), sdk.ApplyRequest{Type: "t"}, func(e sdk.Event) {
		events = append(events, e)
	})
	return r, events, err
}

func TestApplyErrors(t *testing.T) {
	defer goleak.VerifyNone(t)
	name := sdk.Attribute{Name: "name", Type: cty.String}
	tests := map[string]struct {
		apply   func(context.Context) (sdk.Result, error)
		outputs []sdk.Attribute
		want    sdk.Diagnostic // without its detail
		detail  string         // part of it
	}{
		"error": {
			apply: func(context.Context) (sdk.Result, error) {
				return sdk.Result{}, sdk.Permanent(sdk.Hint(errors.New("write x: no space"), "Make room."))
			},
			want:   sdk.Diagnostic{Severity: sdk.SeverityError, Summary: "write x: no space", Permanent: true},
			detail: "Make room.",
		},
		"panic": {
			apply:  func(context.Context) (sdk.Result, error) { panic("boom") },
			want:   sdk.Diagnostic{Severity: sdk.SeverityError, Summary: "the plugin panicked: boom", Permanent: true},
			detail: "direct_test.go",
		},
		"no outputs": {
			apply:   func(context.Context) (sdk.Result, error) { return sdk.Result{}, nil },
			outputs: []sdk.Attribute{name},
			want:    sdk.Diagnostic{Severity: sdk.SeverityError, Summary: "apply p.t: the plugin returned no outputs", Permanent: true},
		},
		"unknown outputs": {
			apply: func(context.Context) (sdk.Result, error) {
				return sdk.Result{Outputs: cty.ObjectVal(map[string]cty.Value{"name": cty.UnknownVal(cty.String)})}, nil
			},
			outputs: []sdk.Attribute{name},
			want: sdk.Diagnostic{
				Severity: sdk.SeverityError, Permanent: true,
				Summary: "apply p.t: the plugin left outputs unknown although all is done",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, _, err := call(handler{apply: tt.apply}, tt.outputs...)
			if err != nil || r.Status != sdk.StatusFailed || len(r.Diagnostics) != 1 {
				t.Fatalf("got %+v, %v", r, err)
			}
			got := r.Diagnostics[0]
			if !strings.Contains(got.Detail, tt.detail) {
				t.Errorf("got detail %q, want %q in it", got.Detail, tt.detail)
			}
			got.Detail = ""
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyCancel(t *testing.T) {
	defer goleak.VerifyNone(t)
	id := sdk.Ident{Run: "r", Node: "n", Attempt: 1}
	var c sdk.Client
	c = client(handler{apply: func(ctx context.Context) (sdk.Result, error) {
		if _, err := c.Apply(ctx, sdk.ApplyRequest{Type: "t", ID: id}, nil); err == nil {
			t.Error("the same attempt ran twice at once")
		}
		if known, err := c.Cancel(ctx, id, "stop"); !known || err != nil {
			t.Errorf("cancel: got %v, %v", known, err)
		}
		return sdk.Result{Private: []byte("half")}, ctx.Err()
	}})
	r, err := c.Apply(t.Context(), sdk.ApplyRequest{Type: "t", ID: id}, nil)
	if err != nil || r.Status != sdk.StatusCancelled || string(r.Private) != "half" {
		t.Errorf("got %+v, %v", r, err)
	}
	if got, want := r.Diagnostics.Error(), "context canceled: cancelled: stop"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if known, err := c.Cancel(t.Context(), id, "stop"); known || err != nil {
		t.Errorf("cancel after the end: got %v, %v", known, err)
	}
}

func TestApplyEvents(t *testing.T) {
	var late func()
	r, events, err := call(handler{apply: func(ctx context.Context) (sdk.Result, error) {
		zerolog.Ctx(ctx).Warn().Str("k", "v").Msg("m")
		sdk.Emit(ctx, sdk.Checkpoint{Private: []byte("c")})
		late = func() { sdk.Emit(ctx, sdk.Checkpoint{}) }
		return sdk.Result{}, nil
	}})
	late() // from a goroutine that the handler forgot
	want := []sdk.Event{
		sdk.Log{Level: "warn", Message: "m", Fields: map[string]string{"k": "v"}},
		sdk.Checkpoint{Private: []byte("c")},
	}
	if diff := cmp.Diff(want, events); diff != "" || err != nil || r.Status != sdk.StatusOK {
		t.Errorf("got %v, %v, difference (-want +got):\n%s", r.Status, err, diff)
	}
	if !r.Outputs.RawEquals(cty.EmptyObjectVal) {
		t.Errorf("got outputs %#v, want an empty object", r.Outputs)
	}
}

func TestPlanOutputs(t *testing.T) {
	name := sdk.Attribute{Name: "name", Type: cty.String}
	change := []sdk.Change{{Op: sdk.OpRun}}
	known := cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("x")})
	tests := map[string]struct {
		outputs []sdk.Attribute
		plan    sdk.Plan
		want    cty.Value
		err     string
	}{
		"nothing to tell":  {plan: sdk.Plan{}, want: cty.EmptyObjectVal},
		"nothing known":    {outputs: []sdk.Attribute{name}, plan: sdk.Plan{Changes: change}, want: cty.UnknownVal(cty.Object(map[string]cty.Type{"name": cty.String}))},
		"known":            {outputs: []sdk.Attribute{name}, plan: sdk.Plan{Outputs: known}, want: known},
		"done but unknown": {outputs: []sdk.Attribute{name}, err: "plan p.t: the plugin left outputs unknown although all is done"},
		"other attribute": {
			outputs: []sdk.Attribute{name},
			plan:    sdk.Plan{Outputs: cty.EmptyObjectVal},
			err:     `plan p.t: the plugin returned outputs that differ from its schema: missing required attribute "name"`,
		},
		"null":   {outputs: []sdk.Attribute{name}, plan: sdk.Plan{Outputs: cty.NullVal(known.Type())}, err: "plan p.t: the plugin returned null for its outputs"},
		"marked": {outputs: []sdk.Attribute{name}, plan: sdk.Plan{Outputs: known.Mark("m")}, err: "plan p.t: the plugin returned marked outputs"},
		"diagnostics": {
			plan: sdk.Plan{Diagnostics: sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "no"}}}, err: "no",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := handler{plan: func(sdk.PlanRequest) (sdk.Plan, error) { return tt.plan, nil }}
			got, err := client(h, tt.outputs...).Plan(t.Context(), sdk.PlanRequest{Type: "t"})
			switch {
			case tt.err != "":
				if err == nil || err.Error() != tt.err {
					t.Errorf("got error %v, want %s", err, tt.err)
				}
			case err != nil || !got.Outputs.RawEquals(tt.want):
				t.Errorf("got %#v, %v, want %#v", got.Outputs, err, tt.want)
			}
		})
	}
}

func TestValidatePanics(t *testing.T) {
	h := handler{validate: func(cty.Value) sdk.Diagnostics { panic("boom") }}
	diags, err := client(h).Validate(t.Context(), "t", cty.EmptyObjectVal)
	if err != nil || diags.Error() != "the plugin panicked: boom" {
		t.Errorf("got %v, %v", diags, err)
	}
}

func TestUpgrade(t *testing.T) {
	old := func(from int64, private []byte) ([]byte, error) { return append(private, byte('0'+from)), nil }
	tests := map[string]struct {
		upgrade func(int64, []byte) ([]byte, error)
		from    int64
		want    string
		err     string
	}{
		"current":     {upgrade: old, from: 2, want: "p"},
		"older":       {upgrade: old, from: 1, want: "p1"},
		"as it is":    {from: 1, want: "p"},
		"newer":       {upgrade: old, from: 3, err: "read record of p.t: version 3, this plugin knows 2"},
		"newer as is": {from: 3, err: "read record of p.t: version 3, this plugin knows 2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := sdk.Direct(sdk.Spec{Name: "p", Types: []sdk.Type{{Name: "t", Version: 2, Upgrade: tt.upgrade}}})
			got, err := c.Upgrade(t.Context(), "t", tt.from, []byte("p"))
			if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %q, %v, want %q, %s", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestUnknownType(t *testing.T) {
	want := `find type "x": plugin "p" has none of that name`
	if _, err := client(handler{}).Plan(t.Context(), sdk.PlanRequest{Type: "x"}); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
