package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestElsewhere plays a system on which the built-in plugins do not run.
func TestElsewhere(t *testing.T) {
	t.Setenv("CLUSTERFLOW_PLUGIN_PATH", "")
	t.Setenv("CLUSTERFLOW_STATE_DIR", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	wrong := filepath.Join(t.TempDir(), "wrong.hcl")
	if err := os.WriteFile(wrong, []byte(`phase "core.noop" "x" { vlaues = {} }`), 0o600); err != nil {
		t.Fatal(err)
	}
	const embedded = "../../pipelines/embedded.hcl"
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"validate":   {args: []string{"validate", embedded}, want: "is valid"},
		"a mistake":  {args: []string{"validate", wrong}, code: exitInvalid, want: `no argument "vlaues"`},
		"graph":      {args: []string{"graph", embedded}, want: "digraph"},
		"plugins":    {args: []string{"plugins", "list"}, want: "pki dev\n"},
		"docs":       {args: []string{"plugins", "docs", "pki.ca"}, want: "common_name"},
		"plan":       {args: []string{"plan", embedded}, code: exitFailed, want: "Error: Phase needs Linux\n\n  on ../../pipelines/embedded.hcl line "},
		"phase":      {args: []string{"plan", embedded}, code: exitFailed, want: "phase.preflight (preflight.host) cannot run here: phases of plugin \"preflight\" need Linux"},
		"fmt":        {args: []string{"fmt", "--check", embedded}},
		"apply":      {args: []string{"apply", embedded, "--auto-approve"}, code: exitFailed, want: "need Linux"},
		"graph plan": {args: []string{"graph", "--plan", embedded}, code: exitFailed, want: "need Linux"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{
				streams: streams{in: strings.NewReader(""), out: &out, err: &out},
				signals: &signals{now: make(chan struct{})}, system: "darwin",
			}
			root := newRootCmd(a)
			root.SetArgs(tt.args)
			code := a.exitCode(t.Context(), root.ExecuteContext(t.Context()))
			if code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("%v: got code %d, want %d, and text without %q:\n%s", tt.args, code, tt.code, tt.want, out.String())
			}
		})
	}
}
