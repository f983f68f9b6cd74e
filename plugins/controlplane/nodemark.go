package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const nodeMarkKindName = "node-mark"

// unmarkWithin bounds the removal of a mark: 10 s.
const unmarkWithin = 10 * time.Second

// nodeMark is one label, annotation or taint of a Node. The Node itself is its
// kubelet's.
type nodeMark struct {
	Kubeconfig string        `json:"kubeconfig"`
	Node       string        `json:"node"`
	Label      string        `json:"label,omitempty"`
	Annotation string        `json:"annotation,omitempty"`
	Taint      *corev1.Taint `json:"taint,omitempty"`

	value  string // of the label or annotation
	pool   *kubeapi.Pool
	within time.Duration
}

var _ resource.Resource = (*nodeMark)(nil)

func nodeMarkKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: nodeMarkKindName, Restore: func(state json.RawMessage) (resource.Resource, error) {
		m := &nodeMark{pool: pool}
		if err := json.Unmarshal(state, m); err != nil {
			return nil, fmt.Errorf("read record of a mark of a node: %w", err)
		}
		return m, nil
	}}
}

func (m *nodeMark) ID() resource.ID {
	what := "label " + m.Label
	switch {
	case m.Taint != nil:
		what = "taint " + taintText(*m.Taint)
	case m.Annotation != "":
		what = "annotation " + m.Annotation
	}
	return resource.ID{Kind: nodeMarkKindName, Target: m.Node + " " + what}
}

// Diff looks at the Node. One that has not registered yet lacks every mark.
func (m *nodeMark) Diff(ctx context.Context) (sdk.Change, error) {
	node, err := m.read(ctx)
	if apierrors.IsNotFound(err) {
		return sdk.Change{Op: sdk.OpCreate, Reason: "the node has not registered yet"}, nil
	}
	if err != nil {
		return sdk.Change{}, err
	}
	value, has := m.valueOn(node)
	switch {
	case !has:
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case value != m.value:
		return sdk.Change{Op: sdk.OpUpdate, Reason: fmt.Sprintf("value %q, want %q", value, m.value)}, nil
	}
	return sdk.Change{}, nil
}

// valueOn finds the mark on a Node. A taint has no value here: its value is part
// of what it is.
func (m *nodeMark) valueOn(node *corev1.Node) (value string, has bool) {
	switch {
	case m.Taint != nil:
		return "", slices.Contains(node.Spec.Taints, *m.Taint)
	case m.Annotation != "":
		value, has = node.Annotations[m.Annotation]
	default:
		value, has = node.Labels[m.Label]
	}
	return value, has
}

// Render waits for the Node to register and puts the mark on it.
func (m *nodeMark) Render(ctx context.Context) error {
	err := kubeapi.Retry(ctx, m.within, func(ctx context.Context) error {
		node, err := m.read(ctx)
		if err != nil {
			return err
		}
		if _, registered := node.Labels[corev1.LabelHostname]; !registered {
			return fmt.Errorf("node %s: the kubelet has not labelled it with %s yet", m.Node, corev1.LabelHostname)
		}
		if m.Taint == nil {
			return m.patchValue(ctx, &m.value)
		}
		others := slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t == *m.Taint })
		return m.patchTaints(ctx, node, append([]corev1.Taint{*m.Taint}, others...))
	})
	if apierrors.IsNotFound(err) {
		return sdk.Hint(err, "The kubelet registers its node: read its log (journalctl -u kubelet), and check that the name is that of kubectl get nodes.")
	}
	return err
}

// Remove takes the mark off the Node. A Node that is gone has no marks.
func (m *nodeMark) Remove(ctx context.Context) error {
	if _, err := os.Stat(m.Kubeconfig); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return kubeapi.Retry(ctx, unmarkWithin, func(ctx context.Context) error {
		node, err := m.read(ctx)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return kubeapi.Stop(err)
		case m.Taint == nil:
			return m.patchValue(ctx, nil)
		}
		return m.patchTaints(ctx, node, slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t == *m.Taint }))
	})
}

// patchValue sets the label or annotation, or removes it if value is nil.
func (m *nodeMark) patchValue(ctx context.Context, value *string) error {
	field, key := "labels", m.Label
	if m.Annotation != "" {
		field, key = "annotations", m.Annotation
	}
	return m.patch(ctx, map[string]any{"metadata": map[string]any{field: map[string]any{key: value}}})
}

// patchTaints replaces all taints, unless somebody else has written the Node since.
func (m *nodeMark) patchTaints(ctx context.Context, seen *corev1.Node, taints []corev1.Taint) error {
	return m.patch(ctx, map[string]any{
		"metadata": map[string]any{"resourceVersion": seen.ResourceVersion},
		"spec":     map[string]any{"taints": taints},
	})
}

func (m *nodeMark) patch(ctx context.Context, change map[string]any) error {
	text, err := json.Marshal(change)
	if err != nil {
		return kubeapi.Stop(err)
	}
	client, nodes, err := m.nodes()
	if err != nil {
		return kubeapi.Stop(err)
	}
	_, err = nodes.Patch(ctx, m.Node, types.MergePatchType, text, metav1.PatchOptions{FieldManager: kubeobj.Manager})
	return client.Explain(err)
}

func (m *nodeMark) read(ctx context.Context) (*corev1.Node, error) {
	client, nodes, err := m.nodes()
	if err != nil {
		return nil, err
	}
	live, err := nodes.Get(ctx, m.Node, metav1.GetOptions{})
	if err != nil {
		return nil, client.Explain(err)
	}
	var node corev1.Node
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &node); err != nil {
		return nil, fmt.Errorf("read node %s: %w", m.Node, err)
	}
	return &node, nil
}

func (m *nodeMark) nodes() (*kubeapi.Client, dynamic.ResourceInterface, error) {
	client, err := m.pool.Client(m.Kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	return client, client.Objects(corev1.SchemeGroupVersion.WithResource("nodes"), ""), nil
}
