// Package componentapi has the configurations of kubelet and kube-proxy as they
// are published, field by field, and none of what comes with the published types.
//
// Who links k8s.io/kubelet/config/v1beta1 or k8s.io/kube-proxy/config/v1alpha1 also
// links the logs, feature gates and metrics of k8s.io/component-base, and every
// start of a plugin pays for that: docs/adr/0013. So tests render these types from the
// published ones, and hold that both read and write the same:
//
//	UPDATE_GOLDEN=1 go test ./plugins/internal/componentapi
package componentapi

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// KubeletAuthorizationModeWebhook asks the API server who may talk to the kubelet.
const KubeletAuthorizationModeWebhook KubeletAuthorizationMode = "Webhook"

// KubeletConfigurationKind is the apiVersion and kind of a KubeletConfiguration.
func KubeletConfigurationKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "kubelet.config.k8s.io", Version: "v1beta1", Kind: "KubeletConfiguration"}
}

// KubeProxyConfigurationKind is the apiVersion and kind of a KubeProxyConfiguration.
func KubeProxyConfigurationKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "kubeproxy.config.k8s.io", Version: "v1alpha1", Kind: "KubeProxyConfiguration"}
}

// MarshalJSON writes what UnmarshalJSON has read, in the form that it had.
func (d TimeOrMetaDuration) MarshalJSON() ([]byte, error) {
	if d.SerializeAsString {
		return json.Marshal(d.Duration)
	}
	return json.Marshal(d.Duration.Duration)
}

// UnmarshalJSON reads a text such as "5s", or a number of nanoseconds.
func (d *TimeOrMetaDuration) UnmarshalJSON(text []byte) error {
	if d.SerializeAsString = len(text) > 0 && text[0] == '"'; d.SerializeAsString {
		return json.Unmarshal(text, &d.Duration)
	}
	if err := json.Unmarshal(text, &d.Duration.Duration); err != nil {
		return fmt.Errorf("invalid duration %q: %w", text, err)
	}
	return nil
}
