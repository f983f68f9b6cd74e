package patches

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const pod = `apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
spec:
  containers:
  - command:
    - kube-apiserver
    image: registry.example.org/kube-apiserver:v1.36.3
    name: kube-apiserver
`

func TestApply(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  string // how the Pod's spec ends; empty: unchanged
	}{
		"none":            {nil, ""},
		"of other target": {map[string]string{"kube-scheduler.yaml": "spec: {hostNetwork: true}"}, ""},
		"strategic merges lists by name": {
			map[string]string{"kube-apiserver.yaml": "spec: {containers: [{name: kube-apiserver, resources: {requests: {cpu: 1}}}]}"},
			"    name: kube-apiserver\n    resources:\n      requests:\n        cpu: 1\n",
		},
		"merge replaces lists": {
			map[string]string{"kube-apiserver+merge.json": `{"spec": {"containers": [{"name": "other"}]}}`},
			"spec:\n  containers:\n  - name: other\n",
		},
		"json": {
			map[string]string{"kube-apiserver+json.yaml": "- {op: replace, path: /spec/containers/0/image, value: other}"},
			"    image: other\n    name: kube-apiserver\n",
		},
		"later files see earlier ones": {
			map[string]string{
				"kube-apiserver1+json.yaml": "- {op: replace, path: /spec/containers/0/image, value: second}",
				"kube-apiserver0+json.yaml": "- {op: replace, path: /spec/containers/0/image, value: first}",
			}, "    image: second\n    name: kube-apiserver\n",
		},
		"several documents": {
			map[string]string{"kube-apiserver+merge.yaml": "# two\n---\nspec: {hostNetwork: true}\n---\n\n---\nspec: {priority: 3}\n"},
			"  hostNetwork: true\n  priority: 3\n",
		},
		"in subdirectories": {map[string]string{"site/kube-apiserver.yaml": "spec: {priority: 3}"}, "  priority: 3\n"},
		"beside other files": {
			map[string]string{"README.md": "x", ".kube-apiserver.yaml.swp": "x", "kube-apiserver.yaml~": "x", "kube-apiserver.yaml": "spec: {priority: 3}"},
			"  priority: 3\n",
		},
		"empty file": {map[string]string{"kube-apiserver.yaml": "", "kube-apiserver1.yaml": "# nothing\n---\n"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Load(dirWith(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Apply(KubeAPIServer, []byte(pod), corev1.Pod{})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && string(got) != pod || !strings.HasSuffix(string(got), tt.want) {
				t.Errorf("got\n%swant at its end\n%s", got, tt.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	tests := map[string]struct{ file, text, want string }{
		"unknown target":     {"kube-apisever.yaml", "{}", "the name does not begin with what is to be patched: etcd, kube-apiserver, "},
		"unknown type":       {"etcd+replace.yaml", "{}", `the patch type "replace" after + is not strategic, merge or json`},
		"no type":            {"etcd+.yaml", "{}", `the patch type "" after +`},
		"type with a tail":   {"etcd+json0.yaml", "[]", `the patch type "json0" after +`},
		"unknown extension":  {"etcd.yml", "{}", `the extension ".yml" is not .yaml or .json`},
		"no YAML":            {"etcd.yaml", "a: [", "did not find expected node content"},
		"key twice":          {"etcd.yaml", "spec: {}\nspec: {}", `key "spec" already set in map`},
		"a list":             {"etcd.yaml", "[1]", "not a strategic patch: want fields and values"},
		"no list":            {"etcd+json.yaml", "spec: {}", "not a JSON patch: want a list of operations"},
		"second document":    {"etcd.yaml", "spec: {}\n---\n3\n", "etcd.yaml (document 2): not a strategic patch"},
		"unknown field":      {"kube-apiserver.yaml", "spec: {contaners: []}", `unknown field "spec.contaners"`},
		"field of odd case":  {"kube-apiserver+merge.yaml", "spec: {HostNetwork: true}", `unknown field "spec.HostNetwork"`},
		"wrong type":         {"kube-apiserver+merge.yaml", "spec: {priority: high}", "cannot unmarshal string into Go struct field"},
		"nothing to replace": {"kube-apiserver+json.yaml", "- {op: replace, path: /spec/none, value: 1}", "kube-apiserver+json.yaml: "},
		"no merge key":       {"kube-apiserver.yaml", "spec: {containers: [{image: x}]}", "kube-apiserver.yaml: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := dirWith(t, map[string]string{tt.file: tt.text})
			s, err := Load(dir)
			if err == nil {
				_, err = s.Apply(KubeAPIServer, []byte(pod), corev1.Pod{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), filepath.Join(dir, tt.file)) {
				t.Errorf("got %v\nwant the file and %q", err, tt.want)
			}
		})
	}
}

func TestEveryTarget(t *testing.T) {
	for _, target := range knownTargets() {
		s, err := Load(dirWith(t, map[string]string{target + "+json.json": `[{"op": "add", "path": "/kind", "value": "X"}]`}))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Apply(target, []byte("apiVersion: v1"), corev1.Pod{}); err != nil || string(got) != "apiVersion: v1\nkind: X\n" {
			t.Errorf("%s: got %q, %v", target, got, err)
		}
	}
}

func TestApplyToNothingKnown(t *testing.T) {
	if _, err := (Set{}).Apply("kube-proxy", nil, nil); err == nil || !strings.Contains(err.Error(), "no such target") {
		t.Errorf("got %v", err)
	}
}

func TestLoadDirectory(t *testing.T) {
	dir := dirWith(t, map[string]string{"etcd.yaml": "spec: {}"})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		dir, want string
		patches   int
	}{
		"none":      {},
		"directory": {dir: dir, patches: 1},
		"link":      {dir: link, patches: 1},
		"absent":    {dir: dir + "/none", want: "no such file or directory"},
		"a file":    {dir: dir + "/etcd.yaml", want: "not a directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Load(tt.dir)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
			if len(s.patches) != tt.patches {
				t.Errorf("got %d patches, want %d", len(s.patches), tt.patches)
			}
		})
	}
}

func dirWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
