package main

import (
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestSpecs(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range specs() {
		if err := sdk.ValidateSpec(s); err != nil {
			t.Errorf("spec of %s: %v", s.Name, err)
		}
		if seen[s.Name] {
			t.Errorf("plugin %s is there twice", s.Name)
		}
		seen[s.Name] = true
	}
}

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		args      []string
		want, err string
	}{
		"link":             {args: []string{"/opt/bin/clusterflow-plugin-core"}, want: "core"},
		"argument":         {args: []string{"bin/clusterflow-plugins", "preflight"}, want: "preflight"},
		"link wins":        {args: []string{"clusterflow-plugin-core", "preflight"}, want: "core"},
		"other name":       {args: []string{"plugins", "core"}, want: "core"},
		"no name":          {args: []string{"clusterflow-plugins"}, err: `choose plugin: neither the name "clusterflow-plugins" nor an argument says which`},
		"nothing at all":   {err: `choose plugin: neither the name "" nor an argument says which`},
		"unknown link":     {args: []string{"clusterflow-plugin-corn"}, err: `choose plugin: there is no built-in plugin "corn"`},
		"unknown argument": {args: []string{"clusterflow-plugins", "--help"}, err: `choose plugin: there is no built-in plugin "--help"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := choose(tt.args, specs())
			if message(err) != tt.err {
				t.Fatalf("choose(%q): got error %q, want %q", tt.args, message(err), tt.err)
			}
			if got.Name != tt.want {
				t.Errorf("choose(%q): got %q, want %q", tt.args, got.Name, tt.want)
			}
		})
	}
}

func TestUsageNamesEveryPlugin(t *testing.T) {
	var out strings.Builder
	usage(&out, specs())
	for _, s := range specs() {
		if !strings.Contains(out.String(), "  "+s.Name+" ") {
			t.Errorf("usage does not name %s:\n%s", s.Name, out.String())
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
