// Package componentconfig reads what a user sets of a component's own
// configuration, such as a KubeletConfiguration, and marks what a cluster stores
// of it as kubeadm does.
//
// The defaults of each component are with the plugin that writes its config.
package componentconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// HashAnnotation tells kubeadm upgrade that a tool wrote the config and that it
// may be made anew. It is absent if a user has set any of it.
const HashAnnotation = "kubeadm.kubernetes.io/component-config.hash"

// Decode puts v, an object or YAML text, into a config of that kind, and reports
// whether v sets anything. Null sets nothing. Unknown fields, and another
// apiVersion or kind than the given one, are errors.
func Decode(v cty.Value, kind schema.GroupVersionKind, into any) (given bool, err error) {
	if v == cty.NilVal || v.IsNull() {
		return false, nil
	}
	text, err := textOf(v)
	if err != nil {
		return false, err
	}
	var set map[string]any
	if err := yaml.UnmarshalStrict(text, &set); err != nil {
		return false, fmt.Errorf("not a %s: %w", kind.Kind, err)
	}
	var as metav1.TypeMeta
	if err := yaml.Unmarshal(text, &as); err != nil {
		return false, fmt.Errorf("not a %s: %w", kind.Kind, err)
	}
	version := kind.GroupVersion().String()
	if (as.APIVersion != "" && as.APIVersion != version) || (as.Kind != "" && as.Kind != kind.Kind) {
		return false, fmt.Errorf("%s %s is not %s %s", as.APIVersion, as.Kind, version, kind.Kind)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return false, fmt.Errorf("not a %s: %w", kind.Kind, err)
	}
	delete(set, "apiVersion")
	delete(set, "kind")
	return len(set) > 0, nil
}

func textOf(v cty.Value) ([]byte, error) {
	switch {
	case v.Type() == cty.String:
		return []byte(v.AsString()), nil
	case v.Type().IsObjectType(), v.Type().IsMapType():
		return json.Marshal(ctyjson.SimpleJSONValue{Value: v})
	default:
		return nil, fmt.Errorf("want an object or YAML text, not %s", v.Type().FriendlyName())
	}
}

// Sign annotates a ConfigMap with the hash of its data.
func Sign(m *corev1.ConfigMap) {
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[HashAnnotation] = Hash(m)
}

// Hash is "sha256:<hex>" over the values of a ConfigMap in the order of their keys.
func Hash(m *corev1.ConfigMap) string {
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(m.Data)) {
		_, _ = sum.Write([]byte(m.Data[key])) // never fails
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
