package sdk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestAttributesOf(t *testing.T) {
	type inner struct {
		Host string `cf:"host,required"`
		Port *int   `cf:"port"`
	}
	type config struct {
		Name    string            `cf:"name,required" doc:"A name."`
		Algo    string            `cf:"algo" default:"\"RSA\"" enum:"RSA EC"`
		TTL     time.Duration     `cf:"ttl" default:"\"90s\""`
		Count   int64             `cf:"count"`
		Ratio   float64           `cf:"ratio"`
		On      bool              `cf:"on" default:"true"`
		Key     string            `cf:"key,sensitive"`
		ID      string            `cf:"id,late"`
		File    string            `cf:"file,file"`
		Any     cty.Value         `cf:"any"`
		Labels  map[string]string `cf:"labels"`
		Targets []inner           `cf:"targets"`
	}
	target := cty.ObjectWithOptionalAttrs(map[string]cty.Type{"host": cty.String, "port": cty.Number}, []string{"port"})
	want := []sdk.Attribute{
		{Name: "name", Type: cty.String, Doc: "A name.", Required: true},
		{Name: "algo", Type: cty.String, Default: cty.StringVal("RSA"), Enum: []string{"RSA", "EC"}},
		{Name: "ttl", Type: cty.String, Default: cty.StringVal("90s")},
		{Name: "count", Type: cty.Number},
		{Name: "ratio", Type: cty.Number},
		{Name: "on", Type: cty.Bool, Default: cty.True},
		{Name: "key", Type: cty.String, Sensitive: true},
		{Name: "id", Type: cty.String, Late: true},
		{Name: "file", Type: cty.String, FileContent: true},
		{Name: "any", Type: cty.DynamicPseudoType},
		{Name: "labels", Type: cty.Map(cty.String)},
		{Name: "targets", Type: cty.List(target)},
	}
	if diff := cmp.Diff(want, sdk.AttributesOf[config](), values()); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
}

func values() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b cty.Type) bool { return a.Equals(b) }),
		cmp.Comparer(func(a, b cty.Value) bool {
			if a == cty.NilVal || b == cty.NilVal {
				return a == cty.NilVal && b == cty.NilVal
			}
			return a.RawEquals(b)
		}),
		cmpopts.EquateEmpty(),
	}
}

func TestAttributesOfRefuses(t *testing.T) {
	tests := map[string]struct {
		call func()
		want string
	}{
		"no tag": {
			call: func() { sdk.AttributesOf[struct{ A string }]() },
			want: "field A: no cf tag",
		},
		"no place": {
			call: func() {
				sdk.AttributesOf[struct {
					A chan int `cf:"a"`
				}]()
			},
			want: "type chan int has no place in a schema",
		},
		"bad default": {
			call: func() {
				sdk.AttributesOf[struct {
					A bool `cf:"a" default:"\"x\""`
				}]()
			},
			want: `attributes of struct { A bool "cf:\"a\" default:\"\\\"x\\\"\"" }: default of a: a bool is required`,
		},
		"default without end": {
			call: func() {
				sdk.AttributesOf[struct {
					A string `cf:"a" default:"\"x"`
				}]()
			},
			want: `attributes of struct { A string "cf:\"a\" default:\"\\\"x\"" }: default of a: unexpected end of JSON input`,
		},
		"default in an object": {
			call: func() {
				sdk.AttributesOf[struct {
					A struct {
						B string `cf:"b" default:"\"x\""`
					} `cf:"a"`
				}]()
			},
			want: `field B of struct { B string "cf:\"b\" default:\"\\\"x\\\"\"" }: inside of an object an attribute can only be required`,
		},
		"flag in an object": {
			call: func() {
				sdk.AttributesOf[struct {
					A struct {
						B string `cf:"b,required,late"`
					} `cf:"a"`
				}]()
			},
			want: `field B of struct { B string "cf:\"b,required,late\"" }: inside of an object an attribute can only be required`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); got != tt.want {
					t.Errorf("got panic %q, want %q", got, tt.want)
				}
			}()
			tt.call()
		})
	}
}

func TestConvert(t *testing.T) {
	object := cty.ObjectWithOptionalAttrs(map[string]cty.Type{"a": cty.String, "b": cty.Bool}, []string{"b"})
	tests := map[string]struct {
		attr sdk.Attribute
		in   cty.Value
		want cty.Value
		err  string
	}{
		"as it is":        {attr: sdk.Attribute{Type: cty.String}, in: cty.StringVal("x"), want: cty.StringVal("x")},
		"converted":       {attr: sdk.Attribute{Type: cty.String}, in: cty.NumberIntVal(5), want: cty.StringVal("5")},
		"not convertible": {attr: sdk.Attribute{Type: cty.Number}, in: cty.StringVal("x"), err: "a number is required"},
		"null":            {attr: sdk.Attribute{Type: cty.String}, in: cty.NullVal(cty.DynamicPseudoType), want: cty.NullVal(cty.String)},
		"required":        {attr: sdk.Attribute{Type: cty.String, Required: true}, in: cty.NullVal(cty.String), err: "must be set"},
		"default":         {attr: sdk.Attribute{Type: cty.String, Default: cty.StringVal("d")}, in: cty.NullVal(cty.String), want: cty.StringVal("d")},
		"enum":            {attr: sdk.Attribute{Type: cty.String, Enum: []string{"a", "b"}}, in: cty.StringVal("b"), want: cty.StringVal("b")},
		"not in enum":     {attr: sdk.Attribute{Type: cty.String, Enum: []string{"a", "b"}}, in: cty.StringVal("c"), err: `"c" is not one of a, b`},
		"unknown":         {attr: sdk.Attribute{Type: cty.String, Required: true, Enum: []string{"a"}}, in: cty.UnknownVal(cty.String), want: cty.UnknownVal(cty.String)},
		"marked":          {attr: sdk.Attribute{Type: cty.String, Enum: []string{"a"}}, in: cty.StringVal("a").Mark("m"), want: cty.StringVal("a").Mark("m")},
		"marked null":     {attr: sdk.Attribute{Type: cty.String, Required: true}, in: cty.NullVal(cty.String).Mark("m"), err: "must be set"},
		"optional": {
			attr: sdk.Attribute{Type: object}, in: cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("x")}),
			want: cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("x"), "b": cty.NullVal(cty.Bool)}),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.attr.Convert(tt.in)
			switch {
			case tt.err != "":
				if err == nil || err.Error() != tt.err {
					t.Errorf("got error %v, want %s", err, tt.err)
				}
			case err != nil || !got.RawEquals(tt.want):
				t.Errorf("got %#v, %v\nwant %#v", got, err, tt.want)
			}
		})
	}
}
