package componentapi_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	proxyv1alpha1 "k8s.io/kube-proxy/config/v1alpha1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/componentapi"
)

// pairs are our types, each with the published one.
func pairs() map[string][2]reflect.Type {
	return map[string][2]reflect.Type{
		"kubelet":    {reflect.TypeFor[componentapi.KubeletConfiguration](), reflect.TypeFor[kubeletv1beta1.KubeletConfiguration]()},
		"kube-proxy": {reflect.TypeFor[componentapi.KubeProxyConfiguration](), reflect.TypeFor[proxyv1alpha1.KubeProxyConfiguration]()},
	}
}

func TestConstants(t *testing.T) {
	for name, pair := range map[string][2]any{
		"kind of kubelet":    {componentapi.KubeletConfigurationKind(), kubeletv1beta1.SchemeGroupVersion.WithKind("KubeletConfiguration")},
		"kind of kube-proxy": {componentapi.KubeProxyConfigurationKind(), proxyv1alpha1.SchemeGroupVersion.WithKind("KubeProxyConfiguration")},
		"webhook":            {string(componentapi.KubeletAuthorizationModeWebhook), string(kubeletv1beta1.KubeletAuthorizationModeWebhook)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %v, want %v", name, pair[0], pair[1])
		}
	}
}

// TestMethods finds types that read or write themselves, and ours do not.
func TestMethods(t *testing.T) {
	for name, pair := range pairs() {
		t.Run(name, func(t *testing.T) { sameMethods(t, pair[0], pair[1]) })
	}
}

// sameMethods walks two types that have the same fields.
func sameMethods(t *testing.T, ours, theirs reflect.Type) {
	t.Helper()
	if ours == theirs {
		return
	}
	for _, codec := range []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
		reflect.TypeFor[interface{ IsZero() bool }](),
	} {
		got := [2]bool{ours.Implements(codec), reflect.PointerTo(ours).Implements(codec)}
		if want := [2]bool{theirs.Implements(codec), reflect.PointerTo(theirs).Implements(codec)}; got != want {
			t.Errorf("%s and its pointer are %s: %v, but %s is: %v", ours, codec, got, theirs, want)
		}
	}
	switch theirs.Kind() {
	case reflect.Struct:
		for i := range theirs.NumField() {
			sameMethods(t, ours.Field(i).Type, theirs.Field(i).Type)
		}
	case reflect.Map:
		sameMethods(t, ours.Key(), theirs.Key())
		sameMethods(t, ours.Elem(), theirs.Elem())
	case reflect.Pointer, reflect.Slice:
		sameMethods(t, ours.Elem(), theirs.Elem())
	default: // made of nothing else
	}
}

// TestYAML fills values of both types with the same, and wants the same text, which
// each of them reads back as it was.
func TestYAML(t *testing.T) {
	for name, pair := range pairs() {
		for seed := range int64(40) {
			empty := float64(seed%4) / 4 // of the pointers, slices and maps
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				var texts [2][]byte
				for i, typ := range pair {
					texts[i] = write(t, filled(typ, seed, empty))
				}
				if diff := cmp.Diff(string(texts[1]), string(texts[0])); diff != "" {
					t.Fatalf("we write another text (-want +got):\n%s", diff)
				}
				for _, typ := range pair {
					value := reflect.New(typ).Interface()
					if err := yaml.UnmarshalStrict(texts[0], value); err != nil {
						t.Fatalf("%s reads: %v", typ, err)
					}
					if diff := cmp.Diff(string(texts[0]), string(write(t, value))); diff != "" {
						t.Errorf("%s has lost something (-want +got):\n%s", typ, diff)
					}
				}
			})
		}
		t.Run(name+" empty", func(t *testing.T) {
			got, want := write(t, reflect.New(pair[0]).Interface()), write(t, reflect.New(pair[1]).Interface())
			if !bytes.Equal(got, want) {
				t.Errorf("we write %s, want %s", got, want)
			}
		})
	}
}

// filled is a pointer to a value in which no field is zero but by chance, and those
// that may be empty are so with this probability.
func filled(typ reflect.Type, seed int64, empty float64) any {
	value := reflect.New(typ).Interface()
	randfill.New().RandSource(rand.NewSource(seed)).NilChance(empty).NumElements(1, 3).Funcs(
		func(q *resource.Quantity, c randfill.Continue) {
			*q = *resource.NewQuantity(1+c.Int63n(1e6), resource.DecimalSI)
		},
		func(m *metav1.Time, c randfill.Continue) { *m = metav1.Unix(c.Int63n(1e9), 0) },
		func(d *time.Duration, c randfill.Continue) { *d = time.Duration(1 + c.Int63n(1e15)) },
	).Fill(value)
	return value
}

func write(t *testing.T, value any) []byte {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRefusals wants the same to be refused, with the same words.
func TestRefusals(t *testing.T) {
	inPackage := regexp.MustCompile(`\b(v1beta1|v1alpha1|v1|componentapi)\.`)
	for name, text := range map[string]string{
		"unknown field":        "maxPod: 3",
		"unknown below":        "logging: {verbosity: 3, options: {json: {size: 1}}, flush: 1}",
		"set twice":            "featureGates: {A: true, A: false}",
		"list for a text":      "healthzBindAddress: [1]",
		"number for an object": "logging: 3",
		"negative":             "logging: {verbosity: -1}",
		"too large":            "oomScoreAdj: 3000000000",
		"text for a boolean":   "enableProfiling: perhaps\nenableServer: perhaps",
		"bad duration":         "logging: {flushFrequency: 5x}",
		"no duration":          "logging: {flushFrequency: {}}",
		"fraction":             "logging: {flushFrequency: 1.5}",
		"bad quantity":         "logging: {options: {text: {infoBufferSize: much}}}",
		"no YAML":              "a: b: c",
		"null":                 "logging: {flushFrequency: null}",
		"nanoseconds":          "logging: {flushFrequency: 5000000000}",
	} {
		for component, pair := range pairs() {
			t.Run(component+" "+name, func(t *testing.T) {
				var said [2]string
				for i, typ := range pair {
					if err := yaml.UnmarshalStrict([]byte(text), reflect.New(typ).Interface()); err != nil {
						said[i] = inPackage.ReplaceAllString(err.Error(), "")
					}
				}
				if said[0] != said[1] {
					t.Errorf("it is refused with %q, want %q", said[0], said[1])
				}
			})
		}
	}
}
