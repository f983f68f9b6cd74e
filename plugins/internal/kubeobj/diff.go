package kubeobj

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// readWithin bounds a comparison: 5 s, enough for a server that has just
	// started to let its caches catch up.
	readWithin = 5 * time.Second
	// maxNamed is how many differing fields a reason names.
	maxNamed = 3
)

// Diff compares the object with the cluster, without changing it.
func (o *Object) Diff(ctx context.Context) (sdk.Change, error) {
	var change sdk.Change
	err := kubeapi.Retry(ctx, readWithin, func(ctx context.Context) (err error) {
		change, err = o.diff(ctx)
		if errors.Is(err, kubeapi.ErrNoKubeconfig) || errors.Is(err, kubeapi.ErrUnreachable) {
			return kubeapi.Stop(err)
		}
		return err
	})
	return change, err
}

func (o *Object) diff(ctx context.Context) (sdk.Change, error) {
	live, err := o.Live(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case errors.Is(err, kubeapi.ErrNoKind): // something may add the kind before Render
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent, as is its kind"}, nil
	case err != nil:
		return sdk.Change{}, err
	case o.want == nil:
		return sdk.Change{}, nil
	case live.GetDeletionTimestamp() != nil:
		return sdk.Change{Op: sdk.OpCreate, Reason: "the present one is being deleted"}, nil
	}
	next, err := o.tryApply(ctx, live)
	if err != nil {
		return sdk.Change{}, err
	}
	return compare(live, next, o.isSecret())
}

// tryApply asks what live would become. Others may write meanwhile: it is asked
// again until both answers are of the same version, or three times.
func (o *Object) tryApply(ctx context.Context, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for range 2 {
		next, err := o.apply(ctx, live, true)
		if err != nil || next.GetResourceVersion() == live.GetResourceVersion() {
			return next, err
		}
		fresh, err := o.Live(ctx)
		if err != nil {
			return nil, err
		}
		*live = *fresh
	}
	return o.apply(ctx, live, true)
}

// compare describes the way from live to next. Both lose what the server alone
// decides.
func compare(live, next *unstructured.Unstructured, secret bool) (sdk.Change, error) {
	before, after := live.DeepCopy().Object, next.DeepCopy().Object
	strip(before)
	strip(after)
	if reflect.DeepEqual(before, after) {
		return sdk.Change{}, nil
	}
	fields := differing("", before, after)
	if secret {
		hide(before, after)
	}
	old, err := yaml.Marshal(before)
	if err != nil {
		return sdk.Change{}, fmt.Errorf("write object as YAML: %w", err)
	}
	wanted, err := yaml.Marshal(after)
	if err != nil {
		return sdk.Change{}, fmt.Errorf("write object as YAML: %w", err)
	}
	return sdk.Change{
		Op: sdk.OpUpdate, Reason: reason(fields),
		Diff: udiff.Unified("live", "wanted", string(old), string(wanted)),
	}, nil
}

// strip removes what is no part of anybody's intent: what the server writes into
// metadata, and the status.
func strip(object map[string]any) {
	delete(object, "status")
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		return
	}
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
		delete(meta, field)
	}
}

// differing lists the paths at which two values differ, in the order of their
// keys. Lists are compared as a whole.
func differing(path string, a, b any) []string {
	before, isMap := a.(map[string]any)
	after, bothMaps := b.(map[string]any)
	if !isMap || !bothMaps {
		if reflect.DeepEqual(a, b) {
			return nil
		}
		return []string{path}
	}
	var out []string
	for _, key := range unionKeys(before, after) {
		out = append(out, differing(strings.TrimPrefix(path+"."+key, "."), before[key], after[key])...)
	}
	return out
}

func reason(fields []string) string {
	more := ""
	if len(fields) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(fields)-maxNamed)
		fields = fields[:maxNamed]
	}
	return "differs in " + strings.Join(fields, ", ") + more
}
