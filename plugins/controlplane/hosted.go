package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const hostedKindName = "self-hosted-daemonset"

// hosted is the DaemonSet. All control-plane nodes share it, so it goes with the
// last of them alone.
type hosted struct {
	*kubeobj.Object
	Pods hostedPods `json:"pods"`
}

var _ resource.Resource = (*hosted)(nil)

func hostedKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: hostedKindName, Restore: func(state json.RawMessage) (resource.Resource, error) {
		inner, err := kubeobj.Kind(pool).Restore(state)
		if err != nil {
			return nil, err
		}
		object, ok := inner.(*kubeobj.Object)
		if !ok {
			return nil, fmt.Errorf("read record of a DaemonSet: got a %T", inner)
		}
		h := hosted{Object: object}
		if err := json.Unmarshal(state, &h); err != nil {
			return nil, fmt.Errorf("read record of a DaemonSet: %w", err)
		}
		h.Pods.pool = pool
		return &h, nil
	}}
}

func (h *hosted) ID() resource.ID {
	return resource.ID{Kind: hostedKindName, Target: h.Object.ID().Target}
}

// Remove deletes the DaemonSet and its pod on this node, and waits for the end of
// the pod. Nodes that have no static pod still need it: then it stays, and a
// warning says so.
func (h *hosted) Remove(ctx context.Context) error {
	if !staticpod.Exists(h.Kubeconfig) {
		return nil
	}
	relying, err := h.relying(ctx)
	if err != nil {
		return err
	}
	if len(relying) > 0 {
		resource.Warn(ctx, fmt.Sprintf("left behind: DaemonSet %s, on which these nodes rely: %s", h.Name, strings.Join(relying, ", ")),
			"Undo self-hosting there. The last one takes the DaemonSet away.")
		return nil
	}
	if err := h.Object.Remove(ctx); err != nil {
		return err
	}
	return resource.WaitFor(ctx, resource.Probe{
		Name: "the end of the pods of " + h.Name, Every: podsEvery, Timeout: backWithin, Check: h.end,
		Hint: "See what keeps them: " + describePods(h.Pods.Component),
	})
}

// relying lists the nodes that have a pod of the DaemonSet and no static pod.
func (h *hosted) relying(ctx context.Context) ([]string, error) {
	pods, err := h.Pods.hosted(ctx)
	if err != nil {
		return nil, err
	}
	var nodes []string
	for _, pod := range pods {
		static, err := h.Pods.static(ctx, pod.Spec.NodeName)
		if err != nil {
			return nil, err
		}
		if static == nil && pod.Spec.NodeName != "" {
			nodes = append(nodes, pod.Spec.NodeName)
		}
	}
	return nodes, nil
}

// end deletes what is left of the pods. The controller that would do so may be
// gone, or about to go.
func (h *hosted) end(ctx context.Context) error {
	pods, err := h.Pods.hosted(ctx)
	if err != nil {
		return err
	}
	client, api, err := h.Pods.api()
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if pod.DeletionTimestamp != nil {
			continue
		}
		if err := api.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return client.Explain(err)
		}
	}
	if len(pods) > 0 {
		return errors.New(names(pods) + " still there")
	}
	return nil
}

func names(pods []corev1.Pod) string {
	var list []string
	for _, pod := range pods {
		list = append(list, pod.Name)
	}
	return strings.Join(list, ", ")
}
