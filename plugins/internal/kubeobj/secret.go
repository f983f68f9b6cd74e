package kubeobj

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lastApplied is where kubectl keeps a whole object, values of Secrets included.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// hide replaces every value of two versions of a Secret by words that tell only
// whether it changes. Not even a digest is shown: a short value could be guessed.
func hide(before, after map[string]any) {
	for _, field := range []string{"data", "stringData"} {
		old, _ := before[field].(map[string]any)
		wanted, _ := after[field].(map[string]any)
		for _, key := range unionKeys(old, wanted) {
			was, is := "(secret)", "(secret)"
			if !reflect.DeepEqual(old[key], wanted[key]) {
				was, is = "(secret, before)", "(secret, changed)"
			}
			if _, ok := old[key]; ok {
				old[key] = was
			}
			if _, ok := wanted[key]; ok {
				wanted[key] = is
			}
		}
	}
	for _, object := range []map[string]any{before, after} {
		meta, _ := object["metadata"].(map[string]any)
		if notes, ok := meta["annotations"].(map[string]any); ok {
			delete(notes, lastApplied)
		}
	}
}

// unionKeys returns the keys of both maps, sorted.
func unionKeys(a, b map[string]any) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// reasonOf is the machine-readable part of an answer: "Forbidden", "status 500".
func reasonOf(err error) string {
	if r := apierrors.ReasonForError(err); r != metav1.StatusReasonUnknown {
		return string(r)
	}
	var answer apierrors.APIStatus
	if errors.As(err, &answer) {
		return fmt.Sprintf("status %d", answer.Status().Code)
	}
	return "no reason given"
}
