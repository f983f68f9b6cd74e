package plan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

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

func (p *plugins) Function(_, name string) (sdk.Function, error) {
	return sdk.Function{}, &expand.NotFoundError{Plugin: "echo", Function: name}
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
	return *build(t, planner(t, newPlugins(), text, vars...), state.New()).Steps[0]
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
	if one.Attributes.Get("secret") == secret.Attributes.Get("secret") || one.Attributes.Get("text") != secret.Attributes.Get("text") {
		t.Errorf("digests of attributes: got %v and %v", one.Attributes, secret.Attributes)
	}

	p := planner(t, newPlugins(), fmt.Sprintf(secretive, "hello"), "secret=tiger")
	p.Key = []byte("another key")
	keyed := build(t, p, state.New()).Steps[0].Identity
	if keyed.Attributes.Get("secret") == one.Attributes.Get("secret") {
		t.Error("the digest of a secret does not depend on the key, so it can be guessed")
	}
	if keyed.Attributes.Get("text") != one.Attributes.Get("text") {
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
	if two := build(t, p, state.New()).Steps[0]; one.Identity.Attributes.Get("text") == two.Identity.Attributes.Get("text") {
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
			want: "{one\n  Do.\ntwo  p.hcl:7}", permanent: true,
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
