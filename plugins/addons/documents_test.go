package addons

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestParseDocuments(t *testing.T) {
	const a, b = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: b, namespace: x}}\n"
	tests := map[string]struct {
		text string
		want []string
		err  string
	}{
		"one":               {text: a, want: []string{"ConfigMap a"}},
		"two":               {text: a + "---\n" + b, want: []string{"ConfigMap a", "Deployment b"}},
		"empty ones":        {text: "---\n# nothing\n---\n" + a + "---\n---\n", want: []string{"ConfigMap a"}},
		"Windows":           {text: strings.ReplaceAll(a+"---\n"+b, "\n", "\r\n"), want: []string{"ConfigMap a", "Deployment b"}},
		"JSON":              {text: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`, want: []string{"ConfigMap a"}},
		"a list":            {text: "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(a, "\n", "\n  ") + "\n- " + b, want: []string{"ConfigMap a", "Deployment b"}},
		"an empty list":     {text: "apiVersion: v1\nkind: List\nitems: []\n---\n" + a, want: []string{"ConfigMap a"}},
		"same name, others": {text: a + "---\n{apiVersion: v1, kind: Secret, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: x}}", want: []string{"ConfigMap a", "Secret a", "Secret a"}},
		"nothing":           {text: "", err: "no objects"},
		"only comments":     {text: "# a\n---\n# b\n", err: "no objects"},
		"no YAML":           {text: a + "---\na: [", err: "document 2: yaml: line 1: did not find expected node content"},
		"a key twice":       {text: "kind: A\nkind: B\n", err: "document 1: yaml: unmarshal errors:\n  line 2: key \"kind\" already set in map"},
		"a text":            {text: "hello", err: "document 1: not a Kubernetes object, which has apiVersion and kind"},
		"no kind":           {text: "apiVersion: v1\nmetadata: {name: a}", err: "document 1: no kind"},
		"no apiVersion":     {text: "kind: Pod\nmetadata: {name: a}", err: "document 1: no apiVersion"},
		"odd apiVersion":    {text: "apiVersion: a/b/c\nkind: Pod\nmetadata: {name: a}", err: "document 1: apiVersion is not of the form group/version"},
		"no metadata":       {text: "apiVersion: v1\nkind: Pod", err: "document 1: Pod without metadata"},
		"no name":           {text: "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a}", err: "document 1: Pod without metadata.name; generateName would make another object each time"},
		"odd namespace":     {text: "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: [x]}", err: "document 1: Pod a: metadata.namespace is not a text"},
		"twice":             {text: a + "---\n" + a, err: "ConfigMap a is there twice"},
		"bad item":          {text: "apiVersion: v1\nkind: List\nitems: [1]", err: "document 1: item 1 of a list is not an object"},
		"worse item":        {text: "apiVersion: v1\nkind: List\nitems: [{kind: Pod}]", err: "document 1: item 1: no apiVersion"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			objects, err := parseDocuments([]byte(tt.text))
			var got []string
			for _, o := range objects {
				got = append(got, o.GetKind()+" "+o.GetName())
			}
			message := ""
			if err != nil {
				message, got = err.Error(), nil
			}
			if message != tt.err || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %q, want %q, %q", got, message, tt.want, tt.err)
			}
		})
	}
}

func TestCustomKinds(t *testing.T) {
	objects, err := parseDocuments([]byte(widgets))
	if err != nil {
		t.Fatal(err)
	}
	got := customKinds(objects)
	if len(got) != 1 || !got[schema.GroupKind{Group: "example.com", Kind: "Widget"}] {
		t.Errorf("got %v, want Widget of example.com", got)
	}
}

// What is parsed can be named, and parsing never panics.
func FuzzParseDocuments(f *testing.F) {
	f.Add([]byte(widgets))
	f.Add([]byte("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"))
	f.Add([]byte("a: &a [*a]\n---\n--- x\n"))
	f.Add([]byte("{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: null}, items: []}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, err := parseDocuments(text)
		if err != nil {
			return
		}
		for _, o := range objects {
			if o.GetAPIVersion() == "" || o.GetKind() == "" || o.GetName() == "" {
				t.Errorf("parsed an object without apiVersion, kind or name: %v", o.Object)
			}
			if _, err := o.MarshalJSON(); err != nil {
				t.Errorf("parsed what cannot be written: %v", err)
			}
		}
		customKinds(objects)
	})
}

// widgets is a manifest in the wrong order: what needs a kind and a namespace
// comes before them.
const widgets = `apiVersion: example.com/v1
kind: Widget
metadata:
  name: w
  namespace: site
spec:
  size: 3
---
apiVersion: v1
kind: Secret
metadata:
  name: key
  namespace: site
stringData:
  key: hunter2
---
apiVersion: v1
kind: Namespace
metadata:
  name: site
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names:
    kind: Widget
    plural: widgets
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size:
                type: integer
`
