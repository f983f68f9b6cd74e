package plan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

// plugins has the echo plugin, and what tests change of it.
type plugins struct {
	spec   sdk.Spec
	client sdk.Client
}

func newPlugins() *plugins {
	spec := echo.Spec()
	return &plugins{spec: spec, client: sdk.Direct(spec)}
}

func (p *plugins) Client(context.Context, string) (sdk.Client, error) { return p.client, nil }
func (p *plugins) Digest(string) string                               { return "digest" }

func (p *plugins) Type(_, typ string) (sdk.TypeDescription, error) {
	d, err := sdk.Direct(p.spec).Describe(context.Background())
	t, ok := d.Type(typ)
	if !ok {
		return t, &expand.NotFoundError{Plugin: "echo", Type: typ}
	}
	return t, err
}

func planner(t *testing.T, p *plugins, text string, vars ...string) *plan.Planner {
	t.Helper()
	source, diags := config.Load(fstest.MapFS{"p.hcl": {Data: []byte(text)}}, "p.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	values := map[string]expand.VarInput{}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		values[name] = expand.VarInput{Raw: value, Source: "test"}
	}
	program, diags := expand.Expand(source, values, p)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return &plan.Planner{Program: program, Plugins: p, Key: []byte("a key"), Rerun: map[string]bool{}}
}

func build(t *testing.T, p *plan.Planner, prior *state.State) *plan.Plan {
	t.Helper()
	planned, err := p.Build(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	return planned
}

func step(t *testing.T, text string, vars ...string) plan.Step {
	t.Helper()
	return build(t, planner(t, newPlugins(), text, vars...), state.New()).Steps[0]
}

const secretive = `variable "secret" { sensitive = true }
phase "echo.say" "a" {
  text   = "%s"
  secret = var.secret
}`

func TestIdentity(t *testing.T) {
	one := step(t, fmt.Sprintf(secretive, "hello"), "secret=tiger").Identity
	same := step(t, fmt.Sprintf(secretive, "hello"), "secret=tiger").Identity
	text := step(t, fmt.Sprintf(secretive, "bye"), "secret=tiger").Identity
	secret := step(t, fmt.Sprintf(secretive, "hello"), "secret=scott").Identity
	if one.Inputs != same.Inputs {
		t.Errorf("equal inputs have the digests %s and %s", one.Inputs, same.Inputs)
	}
	if one.Inputs == text.Inputs || one.Inputs == secret.Inputs {
		t.Error("a changed input did not change the digest")
	}
	if one.Attributes["secret"] == secret.Attributes["secret"] || one.Attributes["text"] != secret.Attributes["text"] {
		t.Errorf("digests of attributes: got %v and %v", one.Attributes, secret.Attributes)
	}

	p := planner(t, newPlugins(), fmt.Sprintf(secretive, "hello"), "secret=tiger")
	p.Key = []byte("another key")
	keyed := build(t, p, state.New()).Steps[0].Identity
	if keyed.Attributes["secret"] == one.Attributes["secret"] {
		t.Error("the digest of a secret does not depend on the key, so it can be guessed")
	}
	if keyed.Attributes["text"] != one.Attributes["text"] {
		t.Error("the digest of what is no secret depends on the key")
	}
}

// A sensitive value in an attribute that is not sensitive by itself.
func TestIdentityOfMarked(t *testing.T) {
	text := `variable "secret" { sensitive = true }
phase "echo.say" "a" { text = "with ${var.secret}" }`
	p := planner(t, newPlugins(), text, "secret=tiger")
	one := build(t, p, state.New()).Steps[0]
	p.Key = []byte("another key")
	if two := build(t, p, state.New()).Steps[0]; one.Identity.Attributes["text"] == two.Identity.Attributes["text"] {
		t.Error("the digest of a sensitive value does not depend on the key")
	}
	if got := fmt.Sprint(one.Changes); strings.Contains(got, "tiger") || !strings.Contains(got, "(sensitive)") {
		t.Errorf("the plan shows the secret: %s", got)
	}
}

func TestFileContent(t *testing.T) {
	p := newPlugins()
	for i := range p.spec.Types {
		for k := range p.spec.Types[i].Config {
			a := &p.spec.Types[i].Config[k]
			a.FileContent = a.Name == "text"
		}
	}
	path := filepath.Join(t.TempDir(), "input")
	text := fmt.Sprintf("phase \"echo.say\" \"a\" { text = %q }", path)
	digest := func() string { return build(t, planner(t, p, text), state.New()).Steps[0].Identity.Inputs }
	absent := digest()
	write(t, path, "one")
	one := digest()
	write(t, path, "two")
	two := digest()
	write(t, path, "one")
	if absent == one || one == two || digest() != one {
		t.Error("the digest does not follow the content of the file")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Phases are decided later when their inputs come from phases that have changes,
// and their conditions when they hang on how others end.
func TestLater(t *testing.T) {
	p := planner(t, newPlugins(), `
phase "echo.say" "a" { text = "a" }
phase "echo.say" "known" { text = phase.a.text }
phase "echo.say" "late" { text = phase.a.node }
phase "echo.say" "later" { text = phase.late.text }
phase "echo.say" "if" {
  text = "if"
  when = phase.a.status == "failed"
}
phase "echo.say" "off" {
  text = "off"
  when = false
}
phase "echo.say" "after_off" { text = coalesce(phase.off.text, "nothing") }
`)
	want := map[string]string{
		"a": "apply new []", "known": "apply new []", "late": "later  [phase.a]", "later": "later  [phase.late]",
		"if": "later its condition depends on other phases [phase.a]", "off": "skip its condition is false []", "after_off": "apply new []",
	}
	planned := build(t, p, state.New())
	for _, s := range planned.Steps {
		name := strings.TrimPrefix(s.Address, "phase.")
		if got := fmt.Sprintf("%s %s %v", s.Action, s.Reason, s.After); got != want[name] {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
	if !planned.HasChanges() {
		t.Error("the plan has changes")
	}
}

// Steps come in an order in which they could run one after another, and that
// order is always the same.
func TestOrder(t *testing.T) {
	text := ""
	for i := range 30 {
		text += fmt.Sprintf("phase \"echo.say\" \"p%d\" {\n  text = \"x\"\n", i)
		if i > 0 {
			text += fmt.Sprintf("  depends_on = [phase.p%d]\n", (i-1)/2)
		}
		text += "}\n"
	}
	p := planner(t, newPlugins(), text)
	var first []string
	for range 3 {
		var order []string
		for _, s := range build(t, p, state.New()).Steps {
			n, _ := p.Program.Node(s.Address)
			for _, e := range n.Edges {
				if !slices.Contains(order, e.To) {
					t.Errorf("%s comes before %s", s.Address, e.To)
				}
			}
			order = append(order, s.Address)
		}
		if first == nil {
			first = order
		}
		if !slices.Equal(order, first) {
			t.Errorf("another order: %v, then %v", first, order)
		}
	}
}

// Settled are unchanged phases that only depend on such.
func TestSettled(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "a")
	write(t, filepath.Join(dir, "c"), "c")
	p := planner(t, newPlugins(), fmt.Sprintf(`
phase "echo.note" "a" {
  path = "%[1]s/a"
  text = "a"
}
phase "echo.note" "b" {
  path = "%[1]s/b"
  text = phase.a.path
}
phase "echo.note" "c" {
  path       = "%[1]s/c"
  text       = "c"
  depends_on = [phase.b]
}
phase "echo.note" "d" {
  path = "%[1]s/d"
  text = phase.a.path
  when = false
}`, dir))
	settled := build(t, p, state.New()).Settled(p.Program)
	var got []string
	for address := range settled {
		got = append(got, address)
	}
	slices.Sort(got)
	if want := []string{"phase.a", "phase.d"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// All mistakes are reported at once, each at its place, and what depends on them
// is not.
func TestBuildReportsAll(t *testing.T) {
	dir := t.TempDir()
	p := planner(t, newPlugins(), fmt.Sprintf(`
phase "echo.note" "a" {
  path = %q
  text = "a directory is no file"
}
phase "echo.say" "b" {
  text = "b"
  precondition {
    condition     = 1 > 2
    error_message = "Never."
  }
}
phase "echo.say" "c" {
  text       = "c"
  depends_on = [phase.a]
}`, dir))
	planned, err := p.Build(t.Context(), state.New())
	var diags hcl.Diagnostics
	if !errors.As(err, &diags) || len(diags) != 2 {
		t.Fatalf("got %v, want two diagnostics", err)
	}
	for i, line := range []int{2, 9} {
		if got := diags[i].Subject.Start.Line; got != line {
			t.Errorf("diagnostic %d is at line %d, want %d: %s", i, got, line, diags[i].Summary)
		}
	}
	if len(planned.Steps) != 3 {
		t.Errorf("got %d steps, want 3", len(planned.Steps))
	}
}

func TestBuildInterrupted(t *testing.T) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := planner(t, newPlugins(), `phase "echo.say" "a" { text = "a" }`).Build(ctx, state.New()); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

// An error of a plugin that quotes a secret.
func TestErrorsHideSecrets(t *testing.T) {
	p := newPlugins()
	p.client = &quoting{p.client}
	_, err := planner(t, p, fmt.Sprintf(secretive, "hello"), "secret=tiger-tiger").Build(t.Context(), state.New())
	if err == nil || strings.Contains(err.Error(), "tiger") || !strings.Contains(err.Error(), "wrong: (sensitive)") {
		t.Errorf("got %v", err)
	}
}

type quoting struct{ sdk.Client }

func (quoting) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	return sdk.Plan{}, sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "wrong: " + req.Config.GetAttr("secret").AsString()}}
}

func TestMask(t *testing.T) {
	p := planner(t, newPlugins(), `variable "secret" {
  type      = any
  sensitive = true
}
phase "echo.say" "a" {
  text = "x"
  secret = jsonencode(var.secret)
}`, `secret={ token = "abcdef.0123456789abcdef" }`)
	s := build(t, p, state.New()).Steps[0]
	var m plan.Mask
	m.Add(s.Secrets)
	for text, want := range map[string]string{
		`{"token":"abcdef.0123456789abcdef"}`:       "(sensitive)",
		`"{\"token\":\"abcdef.0123456789abcdef\"}"`: `"(sensitive)"`,
		"nothing": "nothing",
		"":        "",
	} {
		if got := m.Text(text); got != want {
			t.Errorf("Text(%s): got %s, want %s", text, got, want)
		}
	}
}

func TestMaskLines(t *testing.T) {
	p := planner(t, newPlugins(), `variable "secret" {
  type      = string
  sensitive = true
}
phase "echo.say" "a" {
  text   = "x"
  secret = var.secret
}`, "secret=first line\nno\nthird line\n")
	var m plan.Mask
	m.Add(build(t, p, state.New()).Steps[0].Secrets)
	got := m.Text("| first line\n| no\n|   third line.\n")
	if want := "| (sensitive)\n| no\n|   (sensitive).\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What may be stored of outputs: nothing sensitive, by schema or by content.
func TestStorable(t *testing.T) {
	s := step(t, fmt.Sprintf(secretive, "hello"), "secret=tiger")
	outputs := func(text string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{
			"text": cty.StringVal(text), "secret": cty.StringVal("made"), "node": cty.StringVal("n"),
		})
	}
	for text, want := range map[string]string{
		"hello":          `{"node":"n","text":"hello"}`,
		"holds tiger":    `{"node":"n"}`,
		"also made of 4": `{"node":"n"}`,
	} {
		got, err := s.Storable(outputs(text))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestProblem(t *testing.T) {
	at := hcl.Range{Filename: "p.hcl", Start: hcl.Pos{Line: 7}}
	for name, tt := range map[string]struct {
		err       error
		want      string
		permanent bool
	}{
		"plain":  {err: errors.New("read x: gone"), want: "{read x: gone  }"},
		"hint":   {err: fmt.Errorf("plan: %w", sdk.Hint(errors.New("read x: gone"), "Look.")), want: "{plan: read x: gone Look. }"},
		"plugin": {err: sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: "one"}, {Severity: sdk.SeverityWarning, Summary: "two"}}, want: "{one  }"},
		"placed": {
			err: &plan.PhaseError{Permanent: true, Diagnostics: hcl.Diagnostics{
				{Severity: hcl.DiagError, Summary: "one", Detail: "Do.", Subject: &at}, {Severity: hcl.DiagError, Summary: "two"},
			}},
			want: "{one\ntwo Do. p.hcl:7}", permanent: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(*plan.Problem(tt.err)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := plan.Permanent(tt.err); got != tt.permanent {
				t.Errorf("permanent: got %v", got)
			}
		})
	}
	if plan.Problem(nil) != nil {
		t.Error("no error is a problem")
	}
}
