package expand_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
	"github.com/clusterflow/clusterflow/sdk"
)

func files(root string) fstest.MapFS { return fstest.MapFS{"init.hcl": {Data: []byte(root)}} }

func node(t *testing.T, prog *expand.Program, address string) *expand.Node {
	t.Helper()
	n, ok := prog.Node(address)
	if !ok {
		t.Fatalf("there is no node %s", address)
	}
	return n
}

func TestNodeSettings(t *testing.T) {
	prog := mustExpand(t, files(`
variable "minutes" { default = 4 }
pool "net" { slots = 3 }
phase "demo.pull" "image" {
  for_each  = { a = "5s..1m", b = null }
  image     = each.key
  timeout   = "${var.minutes}m"
  on_error  = "continue"
  isolation = "process"
  pool      = "net"
  retry {
    attempts = 5
    backoff  = each.value
  }
}
phase "demo.echo" "plain" {
  retry { attempts = 2 }
}
phase "demo.echo" "none" {}
`), nil)
	a := node(t, prog, `phase.image["a"]`)
	if a.Timeout != 4*time.Minute || a.OnError != expand.Continue || a.Isolation != expand.ProcessOfItsOwn {
		t.Errorf("settings: got %+v", a)
	}
	if diff := cmp.Diff([]string{"net", "pull"}, a.Pools); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&expand.Retry{Attempts: 5, Min: 5 * time.Second, Max: time.Minute}, a.Retry); diff != "" {
		t.Errorf("retry (-want +got):\n%s", diff)
	}
	for address, want := range map[string]*expand.Retry{
		`phase.image["b"]`: {Attempts: 5, Min: time.Second, Max: 30 * time.Second},
		"phase.plain":      {Attempts: 2, Min: time.Second, Max: 30 * time.Second},
		"phase.none":       nil,
	} {
		if diff := cmp.Diff(want, node(t, prog, address).Retry); diff != "" {
			t.Errorf("retry of %s (-want +got):\n%s", address, diff)
		}
	}
	if diff := cmp.Diff(map[string]int{"net": 3, "pull": 1}, prog.Pools); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
	none := node(t, prog, "phase.none")
	if none.OnError != expand.Fail || none.Isolation != expand.Shared || none.Timeout != 0 || none.Pools != nil {
		t.Errorf("defaults: got %+v", none)
	}
}

func TestPlace(t *testing.T) {
	text := `
phase "demo.echo" "a" {
  options = {
    name  = "x"
    peers = [{ host = "one" }, { "host" = "two" }]
  }
  text = upper("x")
}
`
	n := node(t, mustExpand(t, files(text), nil), "phase.a")
	options := cty.GetAttrPath("options")
	tests := map[string]struct {
		path cty.Path
		want string
	}{
		"none":       {nil, `phase "demo.echo" "a"`},
		"attribute":  {cty.GetAttrPath("text"), `upper("x")`},
		"inside":     {options.GetAttr("name"), `"x"`},
		"list":       {options.GetAttr("peers").IndexInt(1).GetAttr("host"), `"two"`},
		"string key": {options.Index(cty.StringVal("name")), `"x"`},
		"too far":    {cty.GetAttrPath("text").IndexInt(3), `upper("x")`},
		"not there":  {options.GetAttr("peers").IndexInt(7), `[{ host = "one" }, { "host" = "two" }]`},
		"not set":    {cty.GetAttrPath("count_of"), `phase "demo.echo" "a"`},
		"odd key":    {options.GetAttr("peers").Index(cty.DynamicVal), `[{ host = "one" }, { "host" = "two" }]`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			diags := n.Place(sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "bad", Path: tt.path}})
			if got := string(diags[0].Subject.SliceBytes([]byte(text))); got != tt.want {
				t.Errorf("Place: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestVarFile(t *testing.T) {
	src := "port = 6443\nname = upper(\"cp\")\nbad = var.x\nlist = [\"a\"]\n"
	got, diags := expand.ParseVarFile([]byte(src), "prod.hclvars")
	if want := `prod.hclvars:3,7-12: Constant needed; A file of variables holds values, it cannot refer to var. Strings are quoted: bad = "…".`; diags.Error() != want {
		t.Errorf("ParseVarFile: got %q, want %q", diags.Error(), want)
	}
	if diff := cmp.Diff([]string{"list", "name", "port"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got["name"].Value.AsString() != "CP" || got["name"].Source != "prod.hclvars" || got["name"].Range.Start.Line != 2 {
		t.Errorf("name: got %+v", got["name"])
	}
	if _, diags := expand.ParseVarFile([]byte("a {\n}\n"), "x"); !diags.HasErrors() {
		t.Error("a block in a file of variables: got no error")
	}
}

// A list of strings may be written as a person would.
func TestListFromText(t *testing.T) {
	const pipeline = "variable \"l\" {\n  type = list(string)\n}\noutput \"l\" { value = join(\"|\", var.l) }\n"
	for raw, want := range map[string]string{
		"a": "a", "sha256:ab, sha256:cd": "sha256:ab|sha256:cd", "": "", `["a,b", "c"]`: "a,b|c", `concat(["a"], ["b"])`: "a|b",
	} {
		p, diags := config.Load(files(pipeline), "init.hcl")
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		prog, diags := expand.Expand(p, map[string]expand.VarInput{"l": {Raw: raw, Source: "--var"}}, expandtest.New())
		if diags.HasErrors() {
			t.Fatalf("%s: %v", raw, diags)
		}
		outputs, _ := prog.Outputs(expand.NoOutcomes{})
		if got := outputs["l"].Value; got.AsString() != want {
			t.Errorf("%s: got %#v, want %q", raw, got, want)
		}
	}
}

func TestVarInputs(t *testing.T) {
	pipeline := `
variable "port" {
  type    = number
  default = 1
}
variable "secret" {
  type      = number
  default   = 1
  sensitive = true
}
output "port" { value = var.port }
`
	place := &hcl.Range{Filename: "prod.hclvars", Start: hcl.Pos{Line: 7, Column: 1}}
	tests := map[string]struct {
		vars map[string]expand.VarInput
		want string // the port, or the error
	}{
		"default":    {nil, "1"},
		"raw":        {map[string]expand.VarInput{"port": {Raw: "2", Source: "--var"}}, "2"},
		"typed":      {map[string]expand.VarInput{"port": {Value: cty.StringVal("3")}}, "3"},
		"null":       {map[string]expand.VarInput{"port": {Value: cty.NullVal(cty.Number)}}, "1"},
		"shared":     {map[string]expand.VarInput{"other": {Raw: "2", Shared: true}}, "1"},
		"unknown":    {map[string]expand.VarInput{"prot": {Raw: "2", Source: "--var"}}, `--var sets the variable "prot", which init.hcl does not declare. Did you mean "port"? The variables are: port, secret.`},
		"wrong type": {map[string]expand.VarInput{"port": {Value: cty.StringVal("x"), Source: "prod.hclvars", Range: place}}, `The value of "port" from prod.hclvars does not have the type of the variable: a number is required.`},
		"secret":     {map[string]expand.VarInput{"secret": {Raw: "hunter2 is", Source: "--var"}}, `The value of "secret" from --var is no valid expression. A variable of type number is written like 1.`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, diags := config.Load(files(pipeline), "init.hcl")
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			prog, diags := expand.Expand(p, tt.vars, expandtest.New())
			if diags.HasErrors() {
				if diags[0].Detail != tt.want {
					t.Errorf("got %q, want %q", diags[0].Detail, tt.want)
				}
				return
			}
			outputs, _ := prog.Outputs(expand.NoOutcomes{})
			if got := show(outputs["port"].Value); got != tt.want {
				t.Errorf("port: got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestConcurrentUse lets the race detector look at a program that many goroutines
// evaluate.
func TestConcurrentUse(t *testing.T) {
	prog := mustExpand(t, fstest.MapFS{
		"init.hcl": {Data: []byte(`
locals {
  names = ["a", "b", "c"]
  all   = { for k, p in phase.x : k => { text = p.text, up = upper(p.text) } }
}
phase "demo.echo" "x" {
  for_each = local.names
  text     = each.key
}
phase "demo.echo" "y" {
  for_each = local.names
  value    = [local.all[each.key].up, module.m.out[each.key], local.all]
  when     = phase.x["a"].ok
}
module "m" {
  source = "./m"
  in     = local.all
}
output "o" { value = module.m.out }
`)},
		"m/main.hcl": {Data: []byte("variable \"in\" { type = map(object({ text = string })) }\noutput \"out\" { value = { for k, v in var.in : k => v.text } }\n")},
	}, nil)
	o := expandtest.Outcomes{}
	for _, key := range []string{"a", "b"} {
		o[`phase.x["`+key+`"]`] = expand.Outcome{Status: "succeeded", Outputs: cty.ObjectVal(map[string]cty.Value{"text": cty.StringVal(key), "ok": cty.True})}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, n := range prog.Nodes {
				if _, diags := n.Config(o); diags.HasErrors() {
					t.Error(diags)
				}
				if _, _, diags := n.When(o); diags.HasErrors() {
					t.Error(diags)
				}
			}
			if _, diags := prog.Outputs(o); diags.HasErrors() {
				t.Error(diags)
			}
		})
	}
	wg.Wait()
	v, _ := node(t, prog, `phase.y["b"]`).Config(o)
	if got, want := show(v.GetAttr("value")), `["B", "b", {a = {text = "a", up = "A"}, b = {text = "b", up = "B"}, c = {text = (unknown), up = (unknown)}}]`; got != want {
		t.Errorf("config: got %s, want %s", got, want)
	}
}
