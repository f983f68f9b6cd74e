package sdk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

func TestValidateSpec(t *testing.T) {
	attr := func(a sdk.Attribute) func(*sdk.Spec) {
		return func(s *sdk.Spec) { s.Types[0].Config = []sdk.Attribute{a} }
	}
	tests := map[string]struct {
		change func(*sdk.Spec)
		want   string
	}{
		"good":          {change: func(*sdk.Spec) {}},
		"name":          {change: func(s *sdk.Spec) { s.Name = "Echo" }, want: `plugin name "Echo": want lower-case letters, digits and underscores`},
		"version":       {change: func(s *sdk.Spec) { s.Version = "" }, want: `plugin "echo": no version`},
		"no types":      {change: func(s *sdk.Spec) { s.Types = nil }, want: `plugin "echo": no phase types`},
		"twice":         {change: func(s *sdk.Spec) { s.Types = append(s.Types, s.Types[0]) }, want: `type "say": declared twice`},
		"type name":     {change: func(s *sdk.Spec) { s.Types[0].Name = "Say" }, want: `type "Say": name: want lower-case letters, digits and underscores`},
		"no doc":        {change: func(s *sdk.Spec) { s.Types[0].Doc = "" }, want: `type "say": want a Doc and an Example`},
		"no handler":    {change: func(s *sdk.Spec) { s.Types[0].Handler = nil }, want: `type "say": no Handler`},
		"function":      {change: func(s *sdk.Spec) { s.Functions[0].Call = nil }, want: `function "upper": no Call`},
		"function type": {change: func(s *sdk.Spec) { s.Functions[0].Result = cty.NilType }, want: `function "upper": want a name in lower-case letters, digits and underscores, a result type and parameter types`},
		"reserved":      {change: attr(sdk.Attribute{Name: "retry", Type: cty.String, Doc: "d"}), want: `type "say": attribute "retry" is reserved by the pipeline language`},
		"attribute":     {change: attr(sdk.Attribute{Name: "a-b", Type: cty.String, Doc: "d"}), want: `type "say": attribute name "a-b": want lower-case letters, digits and underscores`},
		"attribute type": {
			change: attr(sdk.Attribute{Name: "a", Doc: "d"}), want: `type "say": attribute "a": no type`,
		},
		"attribute doc": {change: attr(sdk.Attribute{Name: "a", Type: cty.String}), want: `type "say": attribute "a": no doc`},
		"required default": {
			change: attr(sdk.Attribute{Name: "a", Type: cty.String, Doc: "d", Required: true, Default: cty.StringVal("")}),
			want:   `type "say": attribute "a": required and with a default`,
		},
		"wrong default": {
			change: attr(sdk.Attribute{Name: "a", Type: cty.Bool, Doc: "d", Default: cty.StringVal("x")}),
			want:   `type "say": attribute "a": its default is no bool`,
		},
		"enum": {
			change: attr(sdk.Attribute{Name: "a", Type: cty.Bool, Doc: "d", Enum: []string{"x"}}),
			want:   `type "say": attribute "a": an enum of bool`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := echo.Spec()
			tt.change(&s)
			got := ""
			if err := sdk.ValidateSpec(s); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestDescriptionBinary(t *testing.T) {
	want, err := sdk.Direct(echo.Spec()).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var got sdk.Description
	if err := got.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, values()); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if err := got.UnmarshalBinary([]byte("x")); err == nil {
		t.Error("garbage was decoded")
	}
}

func TestDiagnose(t *testing.T) {
	path := cty.GetAttrPath("a")
	tests := map[string]struct {
		err  error
		want sdk.Diagnostics
	}{
		"nil": {},
		"all": {
			err:  sdk.Permanent(sdk.Hint(path.NewErrorf("bad"), "Mend it.")),
			want: sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "bad", Detail: "Mend it.", Permanent: true, Path: path}},
		},
		"diagnostics": {
			err:  sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "x"}},
			want: sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "x"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := sdk.Diagnose(tt.err)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b cty.Path) bool { return a.Equals(b) })); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
		})
	}
}
