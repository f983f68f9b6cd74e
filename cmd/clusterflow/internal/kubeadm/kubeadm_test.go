package kubeadm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
)

// TestImport compares what comes of each file in testdata, and what is said of it.
// defaults.yaml is what kubeadm 1.36 prints with `config print init-defaults`.
func TestImport(t *testing.T) {
	for name, opts := range map[string]Options{"defaults": {}, "full": {Secrets: true}, "v1beta3": {}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".yaml")
			result := Import(readFile(t, path), name+".yaml", opts)
			golden(t, name+".hclvars", result.Text)
			golden(t, name+".warnings", []byte(describe(result.Diagnostics)))
			values := evaluate(t, result.Text)
			wantTypes(t, values)
			for variable, kind := range map[string]string{"kubelet_configuration": "KubeletConfiguration", "kube_proxy_configuration": "KubeProxyConfiguration"} {
				if v, ok := values[variable]; ok != strings.Contains(string(readFile(t, path)), "kind: "+kind) ||
					(ok && !strings.Contains(string(readFile(t, path)), v.AsString())) {
					t.Errorf("%s is not what stands in the file:\n%s", variable, v.AsString())
				}
			}
			if formatted := hclwrite.Format(result.Text); string(formatted) != string(result.Text) {
				t.Error("the file is not formatted")
			}
		})
	}
}

// Secrets are carried over only if that is wanted, and quoted in no case.
func TestImportSecrets(t *testing.T) {
	secrets := []string{"9a08jv.c0izixklcxtmnze7", "783bde.3f89s0fje9f38fhf", "e6a2eb8581237ab72a4f494f30285ec12a9694d750b9785706a83bfcbbbd2204"}
	source := readFile(t, "testdata/full.yaml")
	for _, with := range []bool{true, false} {
		result := Import(source, "full.yaml", Options{Secrets: with})
		for _, secret := range secrets {
			if got := strings.Contains(string(result.Text), secret); got != with {
				t.Errorf("with secrets %v: a secret is in the file: %v", with, got)
			}
			if strings.Contains(string(result.Shown), secret) || strings.Contains(describe(result.Diagnostics), secret) {
				t.Errorf("with secrets %v: a secret is shown", with)
			}
		}
		if len(result.Shown) != len(source) {
			t.Errorf("shown: got %d bytes, want %d", len(result.Shown), len(source))
		}
	}
}

func TestImportProblems(t *testing.T) {
	const head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
	tests := map[string]struct{ source, want string }{
		"empty":         {"", "1: error: The file has neither"},
		"comments":      {"# nothing\n---\n# more\n", "1: error: The file has neither"},
		"only join":     {"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n", "1: error: The file has neither"},
		"not YAML":      {head + "---\na: b\n c: d\n", "5: error: It is not YAML: mapping values are not allowed in this context."},
		"tab":           {head + "etcd:\n\tlocal: {}\n", "4: error: It is not YAML: found character that cannot start any token."},
		"a list":        {"- a", "1: error: A document must be a mapping"},
		"no kind":       {"apiVersion: v1", "1: error: A document must say its apiVersion and kind."},
		"old":           {"apiVersion: kubeadm.k8s.io/v1beta2\nkind: InitConfiguration\n", "1: error: The version v1beta2 cannot be read. Write the file anew with `kubeadm config migrate`"},
		"twice":         {head + "---\n" + head, "4: error: There is more than one ClusterConfiguration."},
		"field twice":   {head + "clusterName: a\nclusterName: b\n", `4: error: The field "clusterName" is there twice.`},
		"gate twice":    {head + "featureGates: {A: true, A: false}\n", `3: error: The key "A" is there twice.`},
		"unknown field": {head + "clusterNam: a\n", `3: warning: ClusterConfiguration has no field "clusterNam". Did you mean "clusterName"?`},
		"nested":        {head + "etcd:\n  local:\n    dir: a\n", `5: warning: etcd.local has no field "dir".`},
		"inner kind":    {head + "dns:\n  kind: a\n", `4: warning: dns has no field "kind".`},
		"not a mapping": {head + "etcd: a\n", "3: error: etcd must be a mapping."},
		"not a list":    {head + "apiServer: {certSANs: a}\n", "3: error: The value must be a list."},
		"not a string":  {head + "clusterName: 7\n", "3: error: The value must be a string. Put it in quotes."},
		"not a bool":    {head + "dns: {disabled: maybe}\n", "3: error: The value must be true or false."},
		"not a number":  {"apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {bindPort: \"1\"}\n", "3: error: The value must be a whole number."},
		"no duration":   {head + "certificateValidityPeriod: 1y\n", "3: error: The value must be a duration such as 24h0m0s."},
		"map of args":   {head + "scheduler: {extraArgs: {v: \"4\"}}\n", "3: error: The value must be a list."},
		"list of args":  {strings.Replace(head, "v1beta4", "v1beta3", 1) + "scheduler: {extraArgs: [{name: v}]}\n", "3: error: The value must be a mapping."},
		"both etcds":    {head + "etcd: {local: {dataDir: /a}, external: {endpoints: []}}\n", "1: error: etcd is either local or external, not both."},
		"reset":         {head + "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n", "4: warning: ResetConfiguration says nothing"},
		"other kind":    {head + "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: Foo\n", "4: warning: kubeadm has no kind Foo."},
		"null":          {head + "etcd:\ndns: null\napiServer: ~\n", ""},
		"windows":       {strings.ReplaceAll(head+"---\n"+strings.Replace(head, "Cluster", "Init", 1), "\n", "\r\n"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			result := Import([]byte(tt.source), "kubeadm.yaml", Options{})
			got := describe(result.Diagnostics)
			if (tt.want == "") != (got == "") || !slices.ContainsFunc(strings.Split(got, "\n"), func(line string) bool { return strings.HasPrefix(line, tt.want) }) {
				t.Errorf("got\n%swant %s", got, tt.want)
			}
			if failed := result.Diagnostics.HasErrors(); failed != (result.Text == nil) {
				t.Errorf("errors %v, but a file of %d bytes", failed, len(result.Text))
			}
		})
	}
}

// FuzzImport wants a file that HCL reads, or an error, and places within the source.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"defaults", "full", "v1beta3"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n--- # x\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nx: \"$$${a} %%{b} ${ \\u0001\"\n...\n")
	f.Add("a: &a [*a]\n---\n&b {kind: *b, apiVersion: x}\n")
	f.Fuzz(func(t *testing.T, source string) {
		result := Import([]byte(source), "kubeadm.yaml", Options{Secrets: true})
		for _, d := range result.Diagnostics {
			if r := d.Subject; r.Start.Byte < 0 || r.End.Byte < r.Start.Byte || r.End.Byte > len(source) || r.Start.Line < 1 {
				t.Errorf("%s: its place is %+v of %d bytes", d.Detail, r, len(source))
			}
		}
		if result.Diagnostics.HasErrors() {
			return
		}
		for name, v := range evaluate(t, result.Text) {
			text := cty.StringVal(strings.ReplaceAll(source, "\r\n", "\n")).AsString() // in the normal form that HCL keeps
			if strings.HasSuffix(name, "_configuration") && !strings.Contains(text, strings.TrimSpace(v.AsString())) && !strings.Contains(source, "...") {
				t.Errorf("%s is not what stands in the file:\n%q\n%q", name, v.AsString(), source)
			}
		}
	})
}

// evaluate reads a file of variables as the engine does.
func evaluate(t *testing.T, text []byte) map[string]cty.Value {
	t.Helper()
	inputs, diags := expand.ParseVarFile(text, "out.hclvars")
	if diags.HasErrors() {
		t.Fatalf("%v\nin\n%s", diags, text)
	}
	values := map[string]cty.Value{}
	for name, input := range inputs {
		values[name] = input.Value
	}
	return values
}

// wantTypes checks values against the types that the pipeline declares.
func wantTypes(t *testing.T, values map[string]cty.Value) {
	t.Helper()
	pipeline, diags := config.Load(os.DirFS("testdata/pipeline"), "init.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, v := range values {
		declared := pipeline.Root.Variables[name]
		if declared == nil {
			t.Errorf("there is no variable %q", name)
			continue
		}
		if _, err := convert.Convert(v, declared.Type); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range pipeline.Root.Variables {
		elsewhere := []string{"node_labels", "node_annotations", "upload_certs"} // kubeadm's file has no such thing
		if !slices.Contains(append(order(), append(elsewhere, "kubelet_configuration", "kube_proxy_configuration")...), name) {
			t.Errorf("the variable %q is never set", name)
		}
	}
}

func describe(diags hcl.Diagnostics) string {
	var out strings.Builder
	for _, d := range diags {
		severity := "warning"
		if d.Severity == hcl.DiagError {
			severity = "error"
		}
		fmt.Fprintf(&out, "%d: %s: %s\n", d.Subject.Start.Line, severity, d.Detail)
	}
	return out.String()
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden compares with a file in testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, path)), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got), make golden writes it:\n%s", path, diff)
	}
}
