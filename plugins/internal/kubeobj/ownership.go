package kubeobj

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// leaveForeign takes out of want each of the fields that live has from somebody
// else. Clusterflow does not own them, so an apply without them leaves them as
// they are.
func leaveForeign(want, live *unstructured.Unstructured, fields [][]string) error {
	for _, path := range fields {
		_, exists, err := unstructured.NestedFieldNoCopy(live.Object, path...)
		if err != nil {
			return fmt.Errorf("read field %v: %w", path, err)
		}
		mine, err := owns(live.GetManagedFields(), path)
		if err != nil {
			return err
		}
		if exists && !mine {
			unstructured.RemoveNestedField(want.Object, path...)
		}
	}
	return nil
}

// owns reports whether clusterflow was the last to write the field, alone or
// together with others who agree.
func owns(managers []metav1.ManagedFieldsEntry, path []string) (bool, error) {
	for _, m := range managers {
		if m.Manager != Manager || m.Operation != metav1.ManagedFieldsOperationApply || m.FieldsV1 == nil {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields); err != nil {
			return false, fmt.Errorf("read managed fields: %w", err)
		}
		if hasField(fields, path) {
			return true, nil
		}
	}
	return false, nil
}

// hasField follows path through a FieldsV1 set, where a field k is the key "f:k".
func hasField(fields map[string]any, path []string) bool {
	for _, key := range path {
		next, ok := fields["f:"+key].(map[string]any)
		if !ok {
			return false
		}
		fields = next
	}
	return true
}
