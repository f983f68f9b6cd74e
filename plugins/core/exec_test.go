package core

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

func sh(script string) cty.Value { return list("sh", "-c", script) }

// lines says how many lines a file has.
func lines(t *testing.T, path string) int {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(content), "\n")
}

func TestExecRunsOnce(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	script := "echo ran >> " + count + "; echo out; echo err >&2; exit 2"
	config := object{"command": sh(script), "exit_codes": cty.ListVal([]cty.Value{cty.Zero, cty.NumberIntVal(2)})}
	d := drive(t, "exec", config)
	equal(t, "plan", d.changes(t), "> command sh -c "+script+": has not run yet")
	for range 2 {
		out := d.apply(t)
		equal(t, "stdout", out["stdout"].AsString(), "out")
		equal(t, "stderr", out["stderr"].AsString(), "err")
		if !out["exit_code"].RawEquals(cty.NumberIntVal(2)) || !out["secret_stdout"].IsNull() {
			t.Errorf("got %#v", out)
		}
	}
	if n := lines(t, count); n != 1 {
		t.Errorf("it ran %d times, want once", n)
	}
	if d.logs[0].Message != "out" && d.logs[1].Message != "out" {
		t.Errorf("logs: got %+v", d.logs)
	}
	config["env"] = cty.MapVal(object{"A": text("b")})
	d.Set(t, config)
	equal(t, "plan", d.changes(t), "> command sh -c "+script+": inputs changed")
	d.apply(t)
	if n := lines(t, count); n != 2 {
		t.Errorf("after a change it ran %d times, want twice", n)
	}
	if result := d.TryUndo(t); result.Status != sdk.StatusOK {
		t.Errorf("undo: got %+v", result)
	}
}

func TestExecCreates(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	made := filepath.Join(dir, "made")
	d := drive(t, "exec", object{"command": sh("echo out; > made"), "creates": text("made")})
	equal(t, "plan", d.changes(t), "> command sh -c echo out; > made: "+made+" is absent")
	equal(t, "stdout", d.apply(t)["stdout"].AsString(), "out")
	d.Unchanged = false // done means done, whatever changed
	equal(t, "plan", d.changes(t), "")
	if err := os.Remove(made); err != nil {
		t.Fatal(err)
	}
	d.Unchanged = true
	equal(t, "plan", d.changes(t), "> command sh -c echo out; > made: "+made+" is absent")

	if err := os.WriteFile(made, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found := drive(t, "exec", object{"command": sh("exit 1"), "creates": text("made")})
	if out := found.apply(t); !out["stdout"].IsNull() || !out["exit_code"].IsNull() {
		t.Errorf("done before the first run: got %#v, want nulls", out)
	}
	lazy := drive(t, "exec", object{"command": sh("true"), "creates": text("other")})
	summary, detail := lazy.fails(t)
	equal(t, "error", summary, "command sh -c true: run sh: it succeeded, but did not make "+filepath.Join(dir, "other"))
	equal(t, "hint", detail, "Correct the path in creates, or leave it out.")
}

func TestExecFails(t *testing.T) {
	tests := map[string]struct {
		config          object
		summary, detail string
	}{
		"stderr":  {object{"command": sh("echo out; seq 12 >&2; exit 1")}, "run sh -c echo out; seq 12 >&2; exit 1: exit status 1", "It said:\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12"},
		"stdout":  {object{"command": sh("echo out; exit 1")}, "run sh -c echo out; exit 1: exit status 1", "It said:\nout"},
		"silent":  {object{"command": list("false")}, "run false: exit status 1", "It said nothing."},
		"codes":   {object{"command": list("false"), "exit_codes": cty.ListVal([]cty.Value{cty.Zero, cty.NumberIntVal(7)})}, "run false: exit status 1, want 0, 7", "It said nothing."},
		"zero":    {object{"command": list("true"), "exit_codes": cty.ListVal([]cty.Value{cty.NumberIntVal(7)})}, "run true: exit status 0, want 7", "It said nothing."},
		"secret":  {object{"command": sh("cat; exit 1"), "stdin": text("s3cret"), "sensitive_output": cty.True}, "run sh -c cat; exit 1: exit status 1", "Its output may hold a secret and is not shown. Run it by hand to see what it says."},
		"missing": {object{"command": list("no-such-program")}, `start no-such-program: exec: "no-such-program": executable file not found in $PATH`, "Install no-such-program, or give its whole path."},
		"no dir":  {object{"command": list("true"), "cwd": text("/no/such/dir")}, "start true: find its working directory: stat /no/such/dir: no such file or directory", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := drive(t, "exec", tt.config)
			summary, detail := d.fails(t)
			_, cause, _ := strings.Cut(summary, ": ")
			equal(t, "error", cause, tt.summary)
			equal(t, "hint", detail, tt.detail)
			for _, l := range d.logs {
				if strings.Contains(l.Message, "s3cret") {
					t.Errorf("logged %q", l.Message)
				}
			}
		})
	}
}

func TestExecInputs(t *testing.T) {
	t.Setenv("NOT_MINE", "x")
	dir := t.TempDir()
	d := drive(t, "exec", object{
		"command": sh("pwd; echo $A $B ${NOT_MINE-unset}; cat"), "cwd": text(dir), "stdin": text("in"),
		"env": cty.MapVal(object{"A": text("a")}), "secret_env": cty.MapVal(object{"B": text("b")}),
	})
	equal(t, "stdout", d.apply(t)["stdout"].AsString(), dir+"\na b unset\nin")
}

func TestExecSensitiveOutput(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	d := drive(t, "exec", object{"command": sh("echo ran >> " + count + "; echo s3cret"), "sensitive_output": cty.True})
	for range 2 { // it is kept nowhere, so it has to run for it
		out := d.apply(t)
		equal(t, "output", out["secret_stdout"].AsString(), "s3cret")
		if !out["stdout"].IsNull() || strings.Contains(string(d.Private), "s3cret") {
			t.Errorf("got %#v and the record %s", out, d.Private)
		}
	}
	if n := lines(t, count); n != 2 || len(d.logs) > 0 {
		t.Errorf("it ran %d times, want twice, and logged %+v", n, d.logs)
	}
	typ, _ := Spec().Type("exec")
	if a := typ.Outputs[3]; a.Name != "secret_stdout" || !a.Sensitive {
		t.Errorf("output %+v is not sensitive", a)
	}
}

func TestExecUndo(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	config := object{
		"command": sh("echo do >> " + log), "undo": sh("echo undo $A ${B-unset} >> " + log),
		"env": cty.MapVal(object{"A": text("a")}), "secret_env": cty.MapVal(object{"B": text("b")}),
	}
	d := drive(t, "exec", config)
	d.apply(t)
	if strings.Contains(string(d.Private), `"b"`) {
		t.Errorf("the record holds a secret: %s", d.Private)
	}
	config["command"] = sh("echo again >> " + log)
	d.Set(t, config)
	equal(t, "plan", d.changes(t), "> undoable command sh -c echo again >> "+log+": inputs changed")
	d.apply(t)
	if result := d.TryUndo(t); result.Status != sdk.StatusOK {
		t.Fatalf("undo: got %+v", result)
	}
	content, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "log", string(content), "do\nagain\nundo a unset\n")

	bad := drive(t, "exec", object{"command": list("true"), "undo": sh("echo stuck; exit 3")})
	bad.apply(t)
	result := bad.TryUndo(t)
	equal(t, "error", result.Diagnostics.Error(), "remove undoable command exec: run sh -c echo stuck; exit 3: exit status 3")
	equal(t, "hint", result.Diagnostics[0].Detail, "It said:\nstuck")
	if bad.Private == nil {
		t.Error("the record is lost")
	}
}

func TestExecCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	d := drive(t, "exec", object{"command": sh("echo ready; exec sleep 600")})
	result, err := sdk.Direct(Spec()).Apply(ctx, sdk.ApplyRequest{Type: "exec", Config: d.Config}, func(e sdk.Event) {
		if l, ok := e.(sdk.Log); ok && l.Message == "ready" {
			cancel(&sdk.CancelledError{Reason: "enough"})
		}
	})
	if err != nil || result.Status != sdk.StatusCancelled {
		t.Fatalf("got %s, %v", result.Status, err)
	}
	equal(t, "error", result.Diagnostics.Error(), "command sh -c echo ready; exec sleep 600: run sh: cancelled: enough")
}

func TestDescribe(t *testing.T) {
	tests := map[string]struct {
		argv []string
		want string
	}{
		"short": {[]string{"a", "b c"}, "a b c"},
		"lines": {[]string{"sh", "-c", "a\n\tb"}, "sh -c a b"},
		"long":  {[]string{strings.Repeat("ä", 121)}, strings.Repeat("ä", 120) + " …"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { equal(t, "text", describe(tt.argv), tt.want) })
	}
}
