package lang

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// evaluate computes an expression and shows it as an expression again, or the
// detail of the first error.
func evaluate(t *testing.T, text string) string {
	t.Helper()
	read := func(name string) ([]byte, error) {
		switch name {
		case "hello.tmpl":
			return []byte("Hello ${name}, ${upper(name)}!"), nil
		case "self.tmpl":
			return []byte(`${templatefile("self.tmpl", {})}`), nil
		case "deep":
			return []byte("${" + strings.Repeat("(", 1<<20)), nil
		case "lists":
			return []byte(strings.Repeat("[", 1<<20)), nil
		case "dashes":
			return []byte(strings.Repeat("- ", 1<<20)), nil
		case "binary":
			return []byte{0xff, 0xfe}, nil
		default:
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	v, diags := parse(t, text).Value(&hcl.EvalContext{
		Functions: Functions(read),
		Variables: map[string]cty.Value{
			"secret":  MarkSensitive(cty.StringVal("hunter2")),
			"unknown": cty.UnknownVal(cty.String),
			"any":     cty.DynamicVal,
			"none":    cty.NullVal(cty.DynamicPseudoType),
			"skipped": cty.NullVal(cty.Object(map[string]cty.Type{"a": cty.String})),
		},
	})
	if diags.HasErrors() {
		return "error: " + diags[0].Detail
	}
	if v.IsMarked() {
		return "sensitive"
	}
	if !v.IsWhollyKnown() {
		return "unknown"
	}
	return show(t, v)
}

func show(t *testing.T, v cty.Value) string {
	t.Helper()
	text, diags := Functions(nil)["jsonencode"].Call([]cty.Value{v})
	if diags != nil {
		t.Fatal(diags)
	}
	return text.AsString()
}

func TestFunctions(t *testing.T) {
	tests := map[string]string{
		// text
		`replace("a.b.c", ".", "-")`:        `"a-b-c"`,
		`replace("a1b22", "/[0-9]+/", "#")`: `"a#b#"`,
		`replace("a", "/(/", "")`:           "error: Invalid value for \"part\" parameter: error parsing regexp: missing closing ): `(`.",
		`startswith("kube-api", "kube")`:    `true`,
		`endswith("kube-api", "kube")`:      `false`,
		`strcontains("kube-api", "e-a")`:    `true`,
		`format("%s-%03d", "a", 7)`:         `"a-007"`,
		`title("etcd member")`:              `"Etcd Member"`,
		// collections
		`coalesce(none, "", "x", unknown)`:         `"x"`,
		`coalesce(none, unknown, "x")`:             `unknown`,
		`coalesce(skipped, { b = 1 })`:             `{"b":1}`,
		`coalesce(none, "")`:                       `error: Call to function "coalesce" failed: no argument is set: all are null or empty.`,
		`coalesce(secret, "x")`:                    `sensitive`,
		`length({ a = 1, b = 2 })`:                 `2`,
		`length("äöü")`:                            `3`,
		`length([1, 2])`:                           `2`,
		`length(7)`:                                `error: Invalid value for "value" parameter: a string, list, set, map or object is needed, not number.`,
		`length(any)`:                              `unknown`,
		`length(secret)`:                           `sensitive`,
		`lookup({ a = 1 }, "a")`:                   `1`,
		`lookup({ a = 1 }, "b", "c")`:              `"c"`,
		`lookup({ a = 1 }, "b")`:                   `error: Invalid value for "key" parameter: there is no element with this key; give a default as third argument.`,
		`lookup(tomap({ a = "x" }), "a")`:          `"x"`,
		`lookup({ a = 1, b = unknown }, "a")`:      `1`,
		`lookup([1], "a")`:                         `error: Invalid value for "map" parameter: a map or object is needed, not tuple.`,
		`lookup({ a = 1 }, unknown)`:               `unknown`,
		`index(["a", "b"], "b")`:                   `1`,
		`index(["a", "b"], "c")`:                   `error: Call to function "index" failed: the list has no such element.`,
		`one([])`:                                  `null`,
		`one(["x"])`:                               `"x"`,
		`one(["x", "y"])`:                          `error: Invalid value for "list" parameter: there are 2 elements, want one or none.`,
		`alltrue([true, false])`:                   `false`,
		`anytrue([true, false])`:                   `true`,
		`alltrue([])`:                              `true`,
		`sum([1, 2.5])`:                            `3.5`,
		`transpose({ a = ["x", "y"], b = ["x"] })`: `{"x":["a","b"],"y":["a"]}`,
		`setproduct(["a"], ["b", "c"])`:            `[["a","b"],["a","c"]]`,
		`range(3)`:                                 `[0,1,2]`,
		// encodings
		`base64encode("x")`:             `"eA=="`,
		`base64decode("eA==")`:          `"x"`,
		`base64decode("/w==")`:          `error: Invalid value for "str" parameter: the decoded bytes are no UTF-8 text.`,
		`jsondecode("{\"a\":[1]}")`:     `{"a":[1]}`,
		`yamldecode("a: [1, b]")`:       `{"a":[1,"b"]}`,
		`jsondecode(file("lists"))`:     `error: Invalid value for "str" parameter: more than 5000 brackets or dashes are nested.`,
		`yamldecode(file("lists"))`:     `error: Invalid value for "src" parameter: more than 5000 brackets or dashes are nested.`,
		`yamldecode(file("dashes"))`:    `error: Invalid value for "src" parameter: more than 5000 brackets or dashes are nested.`,
		`can(templatefile("deep", {}))`: `false`,
		`yamlencode({ a = 1 })`:         `"\"a\": 1\n"`,
		`urlencode("a b&c")`:            `"a+b%26c"`,
		`sha256("")`:                    `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`,
		`md5("")`:                       `"d41d8cd98f00b204e9800998ecf8427e"`,
		`base64sha256("")`:              `"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="`,
		`sha256(secret)`:                `sensitive`,
		// networks
		`cidrhost("10.96.0.0/12", 1)`:                `"10.96.0.1"`,
		`cidrhost("10.96.0.0/12", -1)`:               `"10.111.255.255"`,
		`cidrhost("10.0.0.0/30", 4)`:                 `error: Invalid value for "hostnum" parameter: 10.0.0.0/30 has only 4 addresses.`,
		`cidrhost("10.0.0.0/30", 0.5)`:               `error: Invalid value for "hostnum" parameter: a whole number is needed.`,
		`cidrhost("10.0.0.0", 1)`:                    `error: Invalid value for "prefix" parameter: "10.0.0.0" is no network such as "10.96.0.0/12".`,
		`cidrhost("fd00::/64", 10)`:                  `"fd00::a"`,
		`hostport("fd00::1", 6443)`:                  `"[fd00::1]:6443"`,
		`hostport("[fd00::1]", 6443)`:                `"[fd00::1]:6443"`,
		`hostport("192.0.2.1", 6443)`:                `"192.0.2.1:6443"`,
		`hostport("api.example.com", 65536)`:         `error: Invalid value for "port" parameter: 65536 is no port: those are 0 to 65535.`,
		`cidrnetmask("10.96.0.0/12")`:                `"255.240.0.0"`,
		`cidrnetmask("fd00::/64")`:                   `error: Invalid value for "prefix" parameter: only IPv4 networks have a netmask.`,
		`cidrsubnet("10.244.0.0/16", 8, 3)`:          `"10.244.3.0/24"`,
		`cidrsubnet("10.244.0.0/16", 8, 256)`:        `error: Invalid value for "netnum" parameter: 8 more bits make no subnet number 256.`,
		`cidrsubnet("10.244.0.0/16", 20, 0)`:         `error: Invalid value for "newbits" parameter: 10.244.0.0/16 has no room for 20 more bits.`,
		`cidrcontains("10.96.0.0/12", "10.100.0.1")`: `true`,
		`cidrcontains("10.96.0.0/12", "x")`:          `error: Invalid value for "address" parameter: "x" is no address such as "10.96.0.1".`,
		// files
		`templatefile("hello.tmpl", { name = "you" })`:  `"Hello you, YOU!"`,
		`templatefile("hello.tmpl", {})`:                `error: Invalid value for "vars" parameter: the template uses "name" (line 1), which is not among the variables.`,
		`templatefile("hello.tmpl", "x")`:               `error: Invalid value for "vars" parameter: an object such as { name = value } is needed, not string.`,
		`templatefile("hello.tmpl", { name = secret })`: `sensitive`,
		`file("nope")`:         `error: Invalid value for "str" parameter: open nope: file does not exist.`,
		`file("binary")`:       `error: Invalid value for "str" parameter: binary holds no UTF-8 text; use filebase64.`,
		`filebase64("binary")`: `"//4="`,
		`fileexists("nope")`:   `false`,
		`fileexists("binary")`: `true`,
		`basename("/a/b.txt")`: `"b.txt"`,
		`dirname("/a/b.txt")`:  `"/a"`,
		`pathexpand("/a")`:     `"/a"`,
		`pathexpand("~b/x")`:   `"~b/x"`,
		// values
		`try(jsondecode("{"), "fallback")`: `"fallback"`,
		`can(jsondecode("{"))`:             `false`,
		`toset(["a", 1])`:                  `["1","a"]`,
		`toset([])`:                        `[]`,
		`tolist(["a", "b"])`:               `["a","b"]`,
		`tolist(["a", unknown])[0]`:        `"a"`,
		`tomap({ a = 1, b = 2 }).b`:        `2`,
		`tomap({ a = 1, b = "x" }).a`:      `"1"`,
		`tomap({})`:                        `{}`,
		`toset(none)`:                      `null`,
		`toset("x")`:                       `error: Invalid value for "v" parameter: cannot convert string to set of any single type.`,
		`toset(["a", "a"])`:                `["a"]`,
		`sensitive("x")`:                   `sensitive`,
		`nonsensitive(secret)`:             `"hunter2"`,
		`issensitive(secret)`:              `true`,
		`"${secret}!"`:                     `sensitive`,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			if got := evaluate(t, text); got != want {
				t.Errorf("%s: got %s, want %s", text, got, want)
			}
		})
	}
}

// TestTemplatesDoNotNest: a template that renders itself would never end.
func TestTemplatesDoNotNest(t *testing.T) {
	if got := evaluate(t, `templatefile("self.tmpl", {})`); !strings.Contains(got, `no function named "templatefile"`) {
		t.Errorf("got %s", got)
	}
}

func TestNoImpureFunctions(t *testing.T) {
	names := FunctionNames()
	for _, name := range []string{"timestamp", "uuid", "bcrypt", "env", "plantimestamp"} {
		if slices.Contains(names, name) || Impure(name) == "" {
			t.Errorf("%s: want no such function and a reason", name)
		}
	}
	if Impure("upper") != "" {
		t.Error("upper: got a reason, want none")
	}
}

func TestStrays(t *testing.T) {
	typ := cty.ObjectWithOptionalAttrs(map[string]cty.Type{
		"name":  cty.String,
		"peers": cty.List(cty.Object(map[string]cty.Type{"host": cty.String})),
		"by":    cty.Map(cty.Object(map[string]cty.Type{"port": cty.Number})),
		"free":  cty.DynamicPseudoType,
	}, []string{"peers"})
	tests := map[string]string{
		`{ name = "x", free = { any = 1 } }`:                "",
		`{ naem = "x" }`:                                    "naem",
		`{ "naem" = "x" }`:                                  "naem",
		`{ peers = [{ host = "a", prot = 1 }, { p = 1 }] }`: "prot p",
		`{ by = { a = { port = 1, x = 1 } } }`:              "x",
		`true ? { naem = "x" } : ({ eman = 1 })`:            "naem eman",
		`{ (var.x) = 1 }`:                                   "",
		`merge({ naem = 1 })`:                               "",
	}
	for text, want := range tests {
		var got []string
		for _, s := range Strays(parse(t, text), typ) {
			got = append(got, s.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("Strays(%s): got %q, want %q", text, got, want)
		}
	}
}
