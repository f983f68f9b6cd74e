package expand_test

import (
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

// TestNoSecretInMessages looks for a secret in everything that is reported.
func TestNoSecretInMessages(t *testing.T) {
	const canary = "hunter2canary"
	expressions := []string{
		`var.s`, `"${var.s}!"`, `[var.s]`, `{ a = var.s }`, `local.o`, `coalesce(null, var.s)`, `toset([var.s])`,
		`parseint(var.s, 10)`, `jsondecode(var.s)`, `yamldecode("a: [${var.s}")`, `regex(var.s, "x")`, `regex("^$", var.s)`,
		`cidrhost(var.s, 1)`, `base64decode(var.s)`, `tonumber(var.s)`, `tobool(var.s)`, `var.s + 1`, `[1][var.s]`, `{ a = 1 }[var.s]`,
		`file(var.s)`, `templatefile(var.s, {})`, `formatdate(var.s, "2020-01-01T00:00:00Z")`, `timeadd(var.s, "1h")`,
		`lookup({ a = 1 }, var.s)`, `index(["a"], var.s)`, `var.s ? 1 : 2`, `!var.s`, `element([], length(var.s))`, `local.o.nope`,
		`replace("x", "/${var.s}(/", "")`, `indent(var.s, "x")`, `format("%d", var.s)`, `merge(var.s, {})`, `{ (var.s) = 1 }.b`,
		`[for x in var.s : x]`, `keys(var.s)`, `zipmap([var.s, "a"], ["x"])`, `csvdecode(var.s).x`, `phase.x[var.s].text`,
	}
	for _, e := range expressions {
		for _, form := range []string{
			"phase \"demo.echo\" \"p\" {\n  count_of = " + e + "\n}\n",
			"phase \"pki.ca\" \"p\" {\n  dir = \"x\"\n  algorithm = " + e + "\n}\n",
			"phase \"demo.echo\" \"p\" {\n  timeout = " + e + "\n}\n",
			"phase \"demo.echo\" \"p\" {\n  pool = " + e + "\n}\n",
			"phase \"demo.echo\" \"p\" {\n  when = " + e + "\n}\n",
			"phase \"demo.echo\" \"p\" {\n  for_each = " + e + "\n}\n",
			"phase \"demo.echo\" \"p\" {\n  precondition {\n    condition = false\n    error_message = " + e + "\n  }\n}\n",
		} {
			text := "variable \"s\" {\n  type = string\n  sensitive = true\n}\nlocals {\n  o = { v = var.s }\n}\nphase \"demo.echo\" \"x\" { for_each = {} }\n" + form
			p, diags := config.Load(files(text), "init.hcl")
			if diags.HasErrors() {
				t.Fatalf("%s: %v", e, diags)
			}
			prog, diags := expand.Expand(p, map[string]expand.VarInput{"s": {Raw: canary}}, expandtest.New())
			if !diags.HasErrors() {
				for _, n := range prog.Nodes {
					diags = append(diags, n.Preconditions(nil)...)
				}
			}
			for _, d := range diags {
				if strings.Contains(d.Summary+d.Detail, canary) {
					t.Errorf("%s in %s: %s: %s", e, form, d.Summary, d.Detail)
				}
			}
		}
	}
}
