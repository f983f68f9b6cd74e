package patches

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// FuzzParseName wants of every name that is taken that it can be put together
// again from what was read.
func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"etcd.yaml", "kube-apiserver0+merge.json", "etcd+json.yaml", "x.yaml", "etcd+.yaml", "kubeletconfiguration_site.v1+strategic.yaml"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		got, err := parseName(file)
		if err != nil {
			return
		}
		if !slices.Contains(knownTargets(), got.target) || !strings.HasPrefix(file, got.target) {
			t.Errorf("%q: target %q", file, got.target)
		}
		base := strings.TrimSuffix(strings.TrimSuffix(file, ".yaml"), ".json")
		if !strings.HasSuffix(base, "+"+got.kind) && (got.kind != strategic || strings.Contains(base, "+")) {
			t.Errorf("%q: kind %q", file, got.kind)
		}
	})
}

// FuzzApply wants YAML or an error, whatever is in the patch and in the document.
func FuzzApply(f *testing.F) {
	f.Add(strategic, "spec: {containers: [{name: kube-apiserver, image: x}]}", pod)
	f.Add(merge, "spec: {containers: null}", pod)
	f.Add(jsonPatch, `[{"op": "remove", "path": "/spec/containers/0"}]`, pod)
	f.Add(strategic, `{"$patch": "delete"}`, "spec: {}")
	f.Add(strategic, "spec: {containers: [{name: x}]}", "spec: {containers: [null]}") // a library panics
	f.Add(jsonPatch, `[{"op": "move", "from": "/a", "path": "/b"}]`, "[]")
	f.Fuzz(func(t *testing.T, kind, text, doc string) {
		p := patch{name: name{target: KubeAPIServer, kind: kind}}
		var err error
		if p.json, err = yaml.YAMLToJSONStrict([]byte(text)); err != nil || p.check() != nil {
			return
		}
		out, err := Set{patches: []patch{p}}.Apply(KubeAPIServer, []byte(doc), corev1.Pod{})
		if err != nil {
			return
		}
		if _, err := yaml.YAMLToJSON(out); err != nil {
			t.Errorf("got %q: %v", out, err)
		}
	})
}
