package lang

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func parse(t *testing.T, text string) hclsyntax.Expression {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "x.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return expr
}

// written shows a reference: steps in brackets with their quotes, ? for keys that
// must be computed, * for those that cannot be told, ! if it is guarded.
func written(r Reference) string {
	var b strings.Builder
	b.WriteString(r.Root)
	for _, s := range r.Steps {
		switch {
		case s.Open:
			b.WriteString("[*]")
		case s.Expr != nil:
			b.WriteString("[?]")
		case s.Index:
			fmt.Fprintf(&b, "[%q]", s.Name)
		default:
			b.WriteString("." + s.Name)
		}
	}
	if r.Guarded {
		b.WriteString("!")
	}
	return b.String()
}

func TestReferences(t *testing.T) {
	tests := map[string]string{
		`1`:                                        "",
		`"${phase.a.b}"`:                           "phase.a.b",
		`phase.ca["etcd/ca"].cert`:                 `phase.ca["etcd/ca"].cert`,
		`phase.ca[0]`:                              `phase.ca["0"]`,
		`phase.ca[each.value.ca].cert`:             "phase.ca[?].cert each.value.ca",
		`phase.ca[each.key][local.x].y`:            "phase.ca[?][?].y each.key local.x",
		`phase["ca"].cert`:                         `phase["ca"].cert`,
		`(phase.ca).cert`:                          "phase.ca.cert",
		`(phase.ca)["x"]`:                          `phase.ca["x"]`,
		`phase.ca[*].cert`:                         "phase.ca",
		`phase.ca.*.cert`:                          "phase.ca",
		`[for k in local.names : phase.ca[k]]`:     "local.names phase.ca[*]",
		`{ for k, v in phase.ca : k => v.x }`:      "phase.ca",
		`[for v in local.x : v if v != var.y]`:     "local.x var.y",
		`[for v in v.x : v]`:                       "v.x",
		`try(phase.a.b, var.c)`:                    "phase.a.b! var.c!",
		`[can(phase.a.b), phase.c.d]`:              "phase.a.b! phase.c.d",
		`{ a = var.x, (var.y) = 1, z = b }`:        "var.x var.y b",
		`upper(phase.a.b).c`:                       "phase.a.b",
		`var.x ? phase.a.b : phase.c[var.y].d`:     "var.x phase.a.b phase.c[?].d var.y",
		`phase.ca["${var.x}-ca"]`:                  "phase.ca[?] var.x",
		"\"%{ for x in var.l }${x.y}%{ endfor }\"": "var.l",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			var got []string
			for _, r := range References(parse(t, text)) {
				got = append(got, written(r))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("References(%s): got %q, want %q", text, strings.Join(got, " "), want)
			}
		})
	}
}

func TestReferenceRanges(t *testing.T) {
	text := `[phase.ca[each.value.ca].cert, (local.x).y, var . z]`
	var got []string
	for _, r := range References(parse(t, text)) {
		parts := []string{string(r.Range.SliceBytes([]byte(text)))}
		for _, s := range r.Steps {
			parts = append(parts, string(s.Range.SliceBytes([]byte(text))))
		}
		got = append(got, strings.Join(parts, "|"))
	}
	want := "phase.ca[each.value.ca].cert|ca|each.value.ca|cert, each.value.ca|value|ca, (local.x).y|x|y, var . z|z"
	if strings.Join(got, ", ") != want {
		t.Errorf("ranges: got %q, want %q", strings.Join(got, ", "), want)
	}
}

func TestAsReference(t *testing.T) {
	for text, want := range map[string]bool{
		`phase.a`: true, `(phase.a["x"]).y`: true, `phase.a[var.x]`: true,
		`"phase.a"`: false, `upper(phase.a)`: false, `phase.a[*]`: false, `"${phase.a}"`: false,
	} {
		if _, got := AsReference(parse(t, text)); got != want {
			t.Errorf("AsReference(%s): got %v, want %v", text, got, want)
		}
	}
}

func TestCalls(t *testing.T) {
	var got []string
	for _, c := range NewExpr(parse(t, `upper(pki::fingerprint(var.x)) + [for x in y : z(x)][0]`)).Calls() {
		got = append(got, fmt.Sprint(c.Name, ":", c.Range.Start.Column))
	}
	if want := "upper:1 pki::fingerprint:7 z:48"; strings.Join(got, " ") != want {
		t.Errorf("Calls: got %q, want %q", strings.Join(got, " "), want)
	}
}
