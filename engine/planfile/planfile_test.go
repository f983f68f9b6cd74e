package planfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/planfile"
	"github.com/clusterflow/clusterflow/engine/state"
)

func sample() *planfile.File {
	return &planfile.File{
		Made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Engine: "v1.0.0", Pipeline: "init.hcl", WorkDir: "/root",
		Sources:   map[string]string{"init.hcl": "aa", "m/main.hcl": "bb"},
		Plugins:   map[string]string{"core": "cc"},
		Variables: map[string]planfile.Variable{"a": {Text: "<&>"}, "b": {Type: json.RawMessage(`"number"`), Value: json.RawMessage(`1`)}},
		Withheld:  []string{"token"},
		Targets:   []string{"phase.a"},
		Run:       "run-1",
		Steps:     []planfile.Step{{Address: "phase.a", Action: plan.Apply, Inputs: "1", Fingerprint: "2"}, {Address: "phase.b", Action: plan.Later}},
	}
}

func TestSeal(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "a.cfplan"), bytes.Repeat([]byte{7}, 32)
	if err := planfile.Write(path, sample(), key); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	read, err := planfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read.Verify(key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("what was written is not what was read (-want +got):\n%s", diff)
	}
	for name, other := range map[string][]byte{"another key": bytes.Repeat([]byte{8}, 32), "no key": nil} {
		if _, err := read.Verify(other); err == nil {
			t.Errorf("verify with %s: got no error", name)
		}
	}
}

// TestChanged changes every single byte of a plan file: it is refused, or says the
// same as before.
func TestChanged(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "a.cfplan"), bytes.Repeat([]byte{7}, 32)
	if err := planfile.Write(path, sample(), key); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := planfile.Read(path)
		if err != nil {
			continue
		}
		if got, err := read.Verify(key); err == nil && cmp.Diff(sample(), got) != "" {
			t.Errorf("byte %d: a changed plan is accepted: %s", i, changed)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"text":    {"phase", "it is none"},
		"json":    {"{}", "it is none"},
		"version": {`{"format": "clusterflow plan", "version": 2, "plan": {}}`, "it has version 2, this clusterflow knows version 1"},
		"no plan": {`{"format": "clusterflow plan", "version": 1}`, "unexpected end of JSON input"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.cfplan")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := planfile.Read(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	step := func(address string, action plan.Action, inputs, fingerprint string) *plan.Step {
		return &plan.Step{Address: address, Action: action, Identity: state.Identity{Inputs: inputs}, Fingerprint: fingerprint}
	}
	same := []*plan.Step{step("phase.a", plan.Apply, "1", "2"), step("phase.b", plan.Later, "", "")}
	core := map[string]string{"core": "cc"}
	tests := map[string]struct {
		plugins map[string]string
		run     string
		steps   []*plan.Step
		want    []string
	}{
		"none":    {core, "run-1", same, nil},
		"plugin":  {map[string]string{"core": "dd", "pki": "ee"}, "run-1", same, []string{"plugin core was changed", "plugin pki is new"}},
		"state":   {core, "run-2", same, []string{"the state: run run-2 came after the plan"}},
		"gone":    {core, "run-1", same[:1], []string{"phase.b: is not in the pipeline any more"}},
		"new":     {core, "run-1", append(same[:2:2], step("phase.c", plan.None, "", "")), []string{"phase.c: is new"}},
		"action":  {core, "run-1", []*plan.Step{step("phase.a", plan.None, "1", ""), same[1]}, []string{`phase.a: was planned as "apply", is now "none"`}},
		"inputs":  {core, "run-1", []*plan.Step{step("phase.a", plan.Apply, "9", "2"), same[1]}, []string{"phase.a: its inputs are others"}},
		"changes": {core, "run-1", []*plan.Step{step("phase.a", plan.Apply, "1", "9"), same[1]}, []string{"phase.a: it would change other things: the host is not as it was"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := sample().Differences(tt.plugins, tt.run, &plan.Plan{Steps: tt.steps})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckGiven(t *testing.T) {
	tests := map[string]struct {
		given map[string]bool
		want  *planfile.VariableError
	}{
		"as needed": {map[string]bool{"token": true}, nil},
		"shared":    {map[string]bool{"token": false, "a": false, "other": false}, nil},
		"missing":   {nil, &planfile.VariableError{Name: "token", Missing: true}},
		"too many":  {map[string]bool{"token": true, "a": true}, &planfile.VariableError{Name: "a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got *planfile.VariableError
			errors.As(sample().CheckGiven(tt.given), &got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStale(t *testing.T) {
	if err := planfile.Stale(nil); err != nil {
		t.Errorf("without differences: got %v", err)
	}
	err := planfile.Stale(strings.Fields("a b c d e f g h i j"))
	if got, want := err.Error(), "the plan does not hold any more:\n  a\n  b\n  c\n  d\n  e\n  f\n  g\n  h\n  and 2 more"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
