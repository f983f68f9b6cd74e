package sdk

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// byValue compares cty values and types by what they are.
func byValue() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b cty.Value) bool {
			if a == cty.NilVal || b == cty.NilVal {
				return a == cty.NilVal && b == cty.NilVal
			}
			return a.RawEquals(b)
		}),
		cmp.Comparer(func(a, b cty.Type) bool {
			if a == cty.NilType || b == cty.NilType {
				return a == cty.NilType && b == cty.NilType
			}
			return a.Equals(b)
		}),
		cmp.Comparer(func(a, b cty.Path) bool { return a.Equals(b) }),
	}
}

func TestDiagnosticsWire(t *testing.T) {
	step := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) cty.PathStep { return cty.GetAttrStep{Name: s} }),
		rapid.Map(rapid.String(), func(s string) cty.PathStep { return cty.IndexStep{Key: cty.StringVal(s)} }),
		rapid.Map(rapid.IntRange(0, 1000), func(i int) cty.PathStep { return cty.IndexStep{Key: cty.NumberIntVal(int64(i))} }),
	)
	rapid.Check(t, func(t *rapid.T) {
		want := Diagnostics{{
			Severity:  Severity(rapid.IntRange(1, 2).Draw(t, "severity")),
			Summary:   rapid.String().Draw(t, "summary"),
			Detail:    rapid.String().Draw(t, "detail"),
			Path:      rapid.SliceOfN(step, 0, 4).Draw(t, "path"),
			Permanent: rapid.Bool().Draw(t, "permanent"),
		}}
		if diff := cmp.Diff(want, diagsFromWire(diagsToWire(want)), byValue()); diff != "" {
			t.Fatalf("difference (-want +got):\n%s", diff)
		}
	})
}

// A severity of a newer protocol must not hide a problem.
func TestDiagnosticsWireUnknownSeverity(t *testing.T) {
	got := diagsFromWire([]*pb.Diagnostic{{Severity: 7, Summary: "x"}})
	if !got.HasErrors() {
		t.Errorf("got %+v, want an error", got)
	}
}

func TestIdentWire(t *testing.T) {
	for _, want := range []Ident{
		{},
		{Run: "r", Node: `phase.x["a"]`, Attempt: 3, Trace: "00-1-2-01", Until: time.Unix(1700000000, 5).UTC()},
	} {
		if diff := cmp.Diff(want, identFromWire(identToWire(want))); diff != "" {
			t.Errorf("difference (-want +got):\n%s", diff)
		}
	}
}

func TestAttributesWire(t *testing.T) {
	object := cty.ObjectWithOptionalAttrs(map[string]cty.Type{"a": cty.String, "b": cty.Bool}, []string{"b"})
	want := []Attribute{
		{Name: "plain", Type: cty.String, Doc: "d", Required: true},
		{Name: "all", Type: cty.String, Doc: "d", Default: cty.StringVal("x"), Enum: []string{"x", "y"}, Sensitive: true, Late: true, FileContent: true},
		{Name: "nested", Type: cty.Map(cty.List(object)), Doc: "d"},
		{Name: "any", Type: cty.DynamicPseudoType, Doc: "d", Default: cty.NumberIntVal(3)},
		{Name: "null", Type: cty.Number, Doc: "d", Default: cty.NullVal(cty.Number)},
	}
	wire, err := attributesToWire(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := attributesFromWire(wireTypes{}, wire)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, byValue()); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
}

// A default of another type that converts is as good as one of the right type.
func TestAttributesWireConvertsDefault(t *testing.T) {
	wire, err := attributesToWire([]Attribute{{Name: "a", Type: cty.String, Default: cty.NumberIntVal(5)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := attributesFromWire(wireTypes{}, wire)
	if err != nil || !got[0].Default.RawEquals(cty.StringVal("5")) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestValueWireJSON(t *testing.T) {
	typ := cty.Object(map[string]cty.Type{"a": cty.String})
	got, err := valueFromWire(&pb.DynamicValue{Json: []byte(`{"a":"x"}`)}, typ)
	want := cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("x")})
	if err != nil || !got.RawEquals(want) {
		t.Errorf("got %#v, %v", got, err)
	}
	if _, err := valueFromWire(&pb.DynamicValue{}, typ); err == nil {
		t.Error("an empty value was accepted")
	}
}

// Whatever a handler says, it fits into a message.
func FuzzEventWire(f *testing.F) {
	f.Add("text", "more")
	f.Add("\xff\xfe", "a\x00b\xc3")
	f.Fuzz(func(t *testing.T, a, b string) {
		messages := []proto.Message{
			eventToWire(Log{Level: a, Message: b, Fields: map[string]string{a: b}, Stream: a}),
			eventToWire(Progress{ID: a, Label: b, Unit: a}),
			eventToWire(ChangeDone{Change{Op: OpRun, Kind: a, Target: b, Reason: a, Diff: b}}),
			diagsToWire(Diagnostics{{Summary: a, Detail: b, Path: cty.GetAttrPath(a).IndexString(b)}})[0],
		}
		for _, m := range messages {
			if _, err := proto.Marshal(m); err != nil {
				t.Errorf("%T: %v", m, err)
			}
		}
		if text := validText(a); utf8.ValidString(a) && text != a {
			t.Errorf("valid text %q was changed to %q", a, text)
		}
	})
}
