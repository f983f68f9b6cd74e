package core

import (
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestExamples(t *testing.T) { phasetest.Examples(t, Spec()) }

func TestNoop(t *testing.T) {
	for _, value := range []cty.Value{
		text("x"), cty.NullVal(cty.DynamicPseudoType), cty.EmptyTupleVal,
		cty.ObjectVal(object{"a": cty.TupleVal([]cty.Value{text("b"), cty.True})}),
	} {
		d := drive(t, "noop", object{"value": value})
		if got := d.apply(t)["value"]; !got.RawEquals(value) {
			t.Errorf("got %#v, want %#v", got, value)
		}
		equal(t, "plan", d.changes(t), "")
	}
}

func TestValidate(t *testing.T) {
	codes := cty.ListValEmpty(cty.Number)
	tests := map[string]struct {
		typ    string
		config object
		want   string
	}{
		"exec without program": {"exec", object{"command": list()}, "names no program"},
		"exec empty program":   {"exec", object{"command": list("")}, "names no program"},
		"exec empty undo":      {"exec", object{"command": list("true"), "undo": list()}, "names no program"},
		"exec no codes":        {"exec", object{"command": list("true"), "exit_codes": codes}, "holds no code, so the command could never succeed"},
		"exec bad variable":    {"exec", object{"command": list("true"), "env": cty.MapVal(object{"A=B": text("")})}, `"A=B" is not the name of a variable`},
		"file without content": {"file", object{"path": text("/x")}, "set one of content, secret_content or source"},
		"file with two":        {"file", object{"path": text("/x"), "content": text(""), "source": text("/y")}, "set only one of content, secret_content or source"},
		"file without path":    {"file", object{"path": text(""), "content": text("")}, "the path is empty"},
		"file bad mode":        {"file", object{"path": text("/x"), "content": text(""), "mode": text("rw")}, `"rw" is not a mode such as "0644" or "0755"`},
		"file decimal mode":    {"file", object{"path": text("/x"), "content": text(""), "mode": text("999")}, `"999" is not a mode such as "0644" or "0755"`},
		"file setuid":          {"file", object{"path": text("/x"), "content": text(""), "mode": text("4755")}, `"4755" is not a mode such as "0644" or "0755"`},
		"file bad dir_mode":    {"file", object{"path": text("/x"), "content": text(""), "dir_mode": text("x")}, `"x" is not a mode such as "0644" or "0755"`},
		"dir root":             {"dir", object{"path": text("//")}, "the root directory cannot be managed"},
		"dir above root":       {"dir", object{"path": text("/a/../..")}, "the root directory cannot be managed"},
		"wait for nothing":     {"wait", nil, "set one of tcp, http or file"},
		"wait for two":         {"wait", object{"tcp": text("a:1"), "file": text("/x")}, "set only one of tcp, http or file"},
		"wait no port":         {"wait", object{"tcp": text("localhost")}, `"localhost" is not an address such as "10.0.0.1:6443"`},
		"wait ftp":             {"wait", object{"http": request("ftp://x")}, `"ftp://x" is not a URL such as "https://10.0.0.1:6443/healthz"`},
		"wait no host":         {"wait", object{"http": request("https:///x")}, `"https:///x" is not a URL such as "https://10.0.0.1:6443/healthz"`},
		"wait password":        {"wait", object{"http": request("https://me:pw@x")}, "the URL holds a password, which would be shown"},
		"wait every 0":         {"wait", object{"file": text("/x"), "every": text("0s")}, "must be longer than zero"},
		"wait within 0":        {"wait", object{"file": text("/x"), "within": text("-1s")}, "must be longer than zero"},
		"ports no address":     {"ports", object{"prefer": prefer(1, 2), "address": text("localhost")}, `"localhost" is not an IP address`},
		"ports too high":       {"ports", object{"prefer": prefer(1, 70000)}, "b = 70000 is not a port"},
		"ports same":           {"ports", object{"prefer": prefer(80, 80)}, "a and b both want 80"},
		"ports any":            {"ports", object{"prefer": prefer(0, 0)}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			equal(t, "error", drive(t, tt.typ, tt.config).Validate(t), tt.want)
		})
	}
}

func TestErrorsPointAtTheAttribute(t *testing.T) {
	d := drive(t, "file", object{"path": text("/x"), "content": text(""), "mode": text("rw")})
	diags, err := sdk.Direct(Spec()).Validate(t.Context(), "file", d.Config)
	if err != nil {
		t.Fatal(err)
	}
	want := cty.GetAttrPath("mode")
	if len(diags) != 1 || !diags[0].Path.Equals(want) || diags[0].Severity != sdk.SeverityError {
		t.Errorf("got %+v, want the path %v", diags, want)
	}
}

func request(url string) cty.Value {
	return cty.ObjectVal(object{"url": text(url)})
}

func prefer(a, b int64) cty.Value {
	return cty.MapVal(object{"a": cty.NumberIntVal(a), "b": cty.NumberIntVal(b)})
}
