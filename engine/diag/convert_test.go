package diag_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestFromError(t *testing.T) {
	hint := fmt.Errorf("describe plugin: %w", sdk.Hint(errors.New("no such file"), "Build it first."))
	tests := map[string]struct {
		err  error
		want string
	}{
		"nothing":     {nil, ""},
		"hint":        {hint, "describe plugin: no such file|Build it first."},
		"diagnostics": {fmt.Errorf("load: %w", diag.Errorf(*at("local.x"), "Unknown", "No %s.", "x")), "Unknown|No x."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got string
			for _, d := range diag.FromError(tt.err) {
				got += d.Summary + "|" + d.Detail
			}
			if got != tt.want {
				t.Errorf("FromError: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFromSDK(t *testing.T) {
	place := func(p cty.Path) hcl.Range {
		if len(p) == 0 {
			return *at("phase")
		}
		return *at("local.x")
	}
	got := diag.FromSDK(sdk.Diagnostics{
		{Severity: sdk.SeverityError, Summary: "bad", Path: cty.GetAttrPath("dir")},
		{Severity: sdk.SeverityWarning, Summary: "odd", Detail: "Do this."},
	}, place)
	if len(got) != 2 || got[0].Subject.Start.Line != 2 || got[1].Severity != hcl.DiagWarning || got[1].Detail != "Do this." {
		t.Errorf("FromSDK: got %+v", got)
	}
}

func TestTidy(t *testing.T) {
	var list hcl.Diagnostics
	list = append(list, diag.Errorf(*at("long"), "Later", "x")...)
	for i := range 5 {
		list = append(list, diag.Errorf(*at("dir"), "Alike", "number %d", i)...)
		list = append(list, diag.Errorf(*at("dir"), "Alike", "number %d", i)...)
	}
	list = append(list, &hcl.Diagnostic{Summary: "Nowhere"})
	var got []string
	for _, d := range diag.Tidy(list) {
		got = append(got, d.Summary+": "+d.Detail)
	}
	want := []string{"Nowhere: ", "Alike: number 0", "Alike: number 1", "Alike: number 2\n\n2 more problems like this are not shown.", "Later: x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Tidy (-want +got):\n%s", diff)
	}
	if diag.Tidy(nil) != nil {
		t.Error("Tidy(nil): want nil")
	}
}

func TestSuggest(t *testing.T) {
	tests := map[string]struct {
		candidates []string
		want       string
	}{
		"frist":       {[]string{"first", "second"}, "first"},
		"dri":         {[]string{"dir", "var"}, "dir"},
		"for_eech":    {[]string{"for_each", "when"}, "for_each"},
		"ectd/ca":     {[]string{"etcd/ca", "ca"}, "etcd/ca"},
		"Apiserver":   {[]string{"apiserver"}, "apiserver"},
		"sans":        {[]string{"dns"}, ""},
		"a":           {[]string{"completely", "different"}, ""},
		"certificate": {[]string{"certificates", "certificat"}, "certificat"},
		"b":           {[]string{"a", "bc"}, ""},
		"CA":          {[]string{"ca"}, "ca"},
		"":            {[]string{"a"}, ""},
	}
	for name, tt := range tests {
		if got := diag.Suggest(name, tt.candidates); got != tt.want {
			t.Errorf("Suggest(%q): got %q, want %q", name, got, tt.want)
		}
	}
	if got := diag.DidYouMean("frist", []string{"first"}); got != ` Did you mean "first"?` {
		t.Errorf("DidYouMean: got %q", got)
	}
	if got := diag.Names("outputs", nil); got != "There are no outputs." {
		t.Errorf("Names: got %q", got)
	}
}
