package componentconfig

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

type sample struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Size       int             `json:"size"`
	Gates      map[string]bool `json:"gates"`
}

func TestDecode(t *testing.T) {
	kind := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Sample"}
	object := func(name string, v cty.Value) cty.Value { return cty.ObjectVal(map[string]cty.Value{name: v}) }
	text := cty.StringVal
	tests := map[string]struct {
		v     cty.Value
		size  int
		given bool
		err   string
	}{
		"nothing":       {v: cty.NilVal},
		"null":          {v: cty.NullVal(cty.DynamicPseudoType)},
		"object":        {v: object("size", cty.NumberIntVal(3)), size: 3, given: true},
		"empty object":  {v: cty.EmptyObjectVal},
		"map":           {v: cty.MapVal(map[string]cty.Value{"gates": cty.MapVal(map[string]cty.Value{"A": cty.True})}), given: true},
		"text":          {v: text("apiVersion: example.com/v1\nkind: Sample\nsize: 3\n"), size: 3, given: true},
		"only its type": {v: text("apiVersion: example.com/v1\nkind: Sample\n")},
		"empty text":    {v: text("")},
		"unknown field": {v: text("sise: 3"), err: `not a Sample: error unmarshaling JSON: while decoding JSON: json: unknown field "sise"`},
		"twice":         {v: text("size: 3\nsize: 4"), err: "not a Sample: error converting YAML to JSON: yaml: unmarshal errors:\n  line 2: key \"size\" already set in map"},
		"other version": {v: text("apiVersion: example.com/v2\nkind: Sample"), err: "example.com/v2 Sample is not example.com/v1 Sample"},
		"a list":        {v: text("[1]"), err: "not a Sample: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"},
		"a number":      {v: cty.NumberIntVal(1), err: "want an object or YAML text, not number"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got sample
			given, err := Decode(tt.v, kind, &got)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if message != tt.err || given != tt.given || got.Size != tt.size {
				t.Errorf("got %+v, %v, %q, want size %d, %v, %q", got, given, message, tt.size, tt.given, tt.err)
			}
		})
	}
}

// The hash is over the values alone, in the order of their keys.
func TestSign(t *testing.T) {
	const want = "sha256:fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603" // of "ab"
	for _, data := range []map[string]string{{"k": "ab"}, {"y": "b", "x": "a"}} {
		m := corev1.ConfigMap{Data: data}
		Sign(&m)
		if got := m.Annotations["kubeadm.kubernetes.io/component-config.hash"]; got != want {
			t.Errorf("hash of %v: got %s, want %s", data, got, want)
		}
	}
}
