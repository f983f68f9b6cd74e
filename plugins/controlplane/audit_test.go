package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func auditValues(dir string) map[string]cty.Value {
	return map[string]cty.Value{
		"path": cty.StringVal(filepath.Join(dir, "audit/policy.yaml")), "log_dir": cty.StringVal(filepath.Join(dir, "log/audit")),
	}
}

func TestAudit(t *testing.T) {
	const own = "# ours\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Request}]\n"
	object := cty.ObjectVal(map[string]cty.Value{
		"rules": cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"level": cty.StringVal("None")})}),
	})
	tests := map[string]struct {
		policy cty.Value
		want   string
	}{
		"default":   {cty.NullVal(cty.DynamicPseudoType), "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata: {}\nrules:\n- level: Metadata\n"},
		"text":      {cty.StringVal(own), own},
		"object":    {object, "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata: {}\nrules:\n- level: None\n"},
		"bare text": {cty.StringVal("rules: [{level: None}]"), "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata: {}\nrules:\n- level: None\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			values := auditValues(dir)
			values["policy"] = tt.policy
			phase := phasetest.New(t, Spec(), "audit_policy", values)
			phase.Want(t, "create: absent", "create: absent")
			phase.Apply(t)
			path := values["path"].AsString()
			text, err := os.ReadFile(path)
			if err != nil || string(text) != tt.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, text, tt.want)
			}
			for path, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, values["log_dir"].AsString(): 0o700} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
					t.Errorf("%s: got %v, %v, want mode %04o", path, info, err, want)
				}
			}
		})
	}
}

// TestAuditGoesIntoThePod hands the outputs to the API server's pod. The policy is
// read at the start only, so another one rolls the pod.
func TestAuditGoesIntoThePod(t *testing.T) {
	dir := t.TempDir()
	writeProcessFiles(t, dir)
	audit := phasetest.New(t, Spec(), "audit_policy", auditValues(dir))
	outputs := audit.Apply(t)
	values := staticPodValues(dir, apiServerName)
	values["extra_args"], values["extra_volumes"] = outputs["extra_args"], outputs["extra_volumes"]
	pod := phasetest.New(t, staticPodSpec(), "static_pod", values)
	pod.Apply(t)
	text, err := os.ReadFile(filepath.Join(dir, "manifests/kube-apiserver.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log/audit")
	for _, want := range []string{
		"- --audit-policy-file=" + dir + "/audit/policy.yaml\n", "- --audit-log-path=" + log + "/audit.log\n", "- --audit-log-maxage=2\n",
		"- mountPath: " + dir + "/audit/policy.yaml\n      name: audit\n      readOnly: true\n", "- mountPath: " + log + "\n      name: audit-log\n",
		"- hostPath:\n      path: " + log + "\n      type: DirectoryOrCreate\n    name: audit-log\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	changed := auditValues(dir)
	changed["policy"] = cty.StringVal("rules: [{level: Request}]")
	audit.Set(t, changed)
	audit.Apply(t)
	pod.Want(t, "update: content differs")
}

func TestAuditValidate(t *testing.T) {
	policy := func(text string) map[string]cty.Value { return map[string]cty.Value{"policy": cty.StringVal(text)} }
	tests := map[string]struct {
		config map[string]cty.Value
		want   string
	}{
		"level":   {policy("rules: [{level: All}]"), `rules[0].level: Unsupported value: "All"`},
		"field":   {policy("rules: [{lvl: None}]"), `unknown field "lvl"`},
		"mixed":   {policy("rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]"), "rules cannot apply to both regular resources and non-resource URLs"},
		"kind":    {policy("kind: Pod"), "Pod is not audit.k8s.io/v1 Policy"},
		"empty":   {policy("rules: []"), "it has no rules"},
		"age":     {map[string]cty.Value{"max_age": cty.NumberIntVal(-1)}, "must not be negative"},
		"size":    {map[string]cty.Value{"max_size": cty.Zero}, "must be greater than zero"},
		"nothing": {map[string]cty.Value{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, Spec(), "audit_policy", tt.config).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
