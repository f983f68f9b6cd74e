package multicall_test

import (
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/multicall"
	"github.com/clusterflow/clusterflow/sdk"
)

func plugins(made *[]string) []multicall.Plugin {
	plugin := func(name string) multicall.Plugin {
		return multicall.Plugin{Name: name, Spec: func() sdk.Spec {
			*made = append(*made, name)
			return sdk.Spec{Name: name, Doc: "Does " + name + "."}
		}}
	}
	return []multicall.Plugin{plugin("core"), plugin("preflight")}
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
		"nothing at all":   {err: `choose plugin: the process has no name`},
		"unknown link":     {args: []string{"clusterflow-plugin-corn"}, err: `choose plugin: there is no built-in plugin "corn" in this binary`},
		"unknown argument": {args: []string{"clusterflow-plugins", "--help"}, err: `choose plugin: there is no built-in plugin "--help" in this binary`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var made []string
			got, err := multicall.Choose(tt.args, plugins(&made))
			if tt.err != "" {
				if first, _, _ := strings.Cut(message(err), "\n"); first != tt.err {
					t.Fatalf("choose(%q): got error %v, want %q", tt.args, err, tt.err)
				}
				return
			}
			if err != nil || got.Name != tt.want {
				t.Errorf("choose(%q): got %q, %v, want %q", tt.args, got.Name, err, tt.want)
			}
			if len(made) != 1 {
				t.Errorf("choose(%q): made the specs of %q, want only that of %s", tt.args, made, tt.want)
			}
		})
	}
}

func TestUsageNamesEveryPlugin(t *testing.T) {
	var made []string
	_, err := multicall.Choose([]string{"clusterflow-plugins"}, plugins(&made))
	text := message(err)
	for _, name := range []string{"core", "preflight"} {
		if !strings.Contains(text, "  "+name+" ") {
			t.Errorf("usage does not name %s:\n%s", name, text)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
