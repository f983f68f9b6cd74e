package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
)

// provenAfter is how long the new pod must have run, without a restart, before the
// old one is stopped: 10 s. As they share a port its probes alone prove nothing:
// the old one may have answered them.
const provenAfter = 10 * time.Second

// podsEvery is the time between two looks at pods: 500 ms, as in kubeadm.
const podsEvery = 500 * time.Millisecond

// hostedPods are the pods of one component: the static pod of this node, and those
// of the DaemonSet.
type hostedPods struct {
	Kubeconfig string `json:"kubeconfig"`
	Component  string `json:"component"`
	Node       string `json:"node"`

	pool *kubeapi.Pool
}

func (h hostedPods) api() (*kubeapi.Client, dynamic.ResourceInterface, error) {
	client, err := h.pool.Client(h.Kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	return client, client.Objects(corev1.SchemeGroupVersion.WithResource("pods"), systemNamespace), nil
}

// hosted lists the pods of the DaemonSet on all nodes.
func (h hostedPods) hosted(ctx context.Context) ([]corev1.Pod, error) {
	client, pods, err := h.api()
	if err != nil {
		return nil, err
	}
	live, err := pods.List(ctx, metav1.ListOptions{LabelSelector: labelHosted + "=" + hostedName(h.Component)})
	if err != nil {
		return nil, client.Explain(err)
	}
	var list []corev1.Pod
	for _, item := range live.Items {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &pod); err != nil {
			return nil, fmt.Errorf("read pod %s: %w", item.GetName(), err)
		}
		list = append(list, pod)
	}
	return list, nil
}

// here are those of this node.
func (h hostedPods) here(ctx context.Context) ([]corev1.Pod, error) {
	list, err := h.hosted(ctx)
	return slices.DeleteFunc(list, func(p corev1.Pod) bool { return p.Spec.NodeName != h.Node }), err
}

// proven returns nil once the DaemonSet's pod on this node works.
func (h hostedPods) proven(ctx context.Context) error {
	list, err := h.here(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s has no pod on node %s yet", hostedName(h.Component), h.Node)
	}
	for _, pod := range list {
		if err := proven(pod); err != nil {
			return fmt.Errorf("pod %s: %w", pod.Name, err)
		}
	}
	return h.healthy(ctx)
}

func proven(pod corev1.Pod) error {
	if pod.DeletionTimestamp != nil {
		return errors.New("is being deleted")
	}
	if !isReady(pod) {
		return fmt.Errorf("is not ready, phase %s", pod.Status.Phase)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running == nil {
			return fmt.Errorf("container %s does not run", c.Name)
		}
		if since := time.Since(c.State.Running.StartedAt.Time); since < provenAfter {
			return fmt.Errorf("container %s has run for %s, want %s", c.Name, since.Truncate(time.Second), provenAfter)
		}
	}
	return nil
}

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// healthy asks the API server whether it is ready.
func (h hostedPods) healthy(ctx context.Context) error {
	client, err := h.pool.Client(h.Kubeconfig)
	if err != nil {
		return err
	}
	status, body, err := client.Get(ctx, "/readyz")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/readyz: status %d%s", status, failing(string(body)))
	}
	return err
}

// static returns the static pod of a node as the API shows it, nil if there is none.
func (h hostedPods) static(ctx context.Context, node string) (*corev1.Pod, error) {
	client, pods, err := h.api()
	if err != nil {
		return nil, err
	}
	live, err := pods.Get(ctx, h.Component+"-"+node, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, client.Explain(err)
	}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &pod); err != nil {
		return nil, fmt.Errorf("read pod %s: %w", live.GetName(), err)
	}
	return &pod, nil
}

// rolledOut returns nil once the DaemonSet's pods are all of its newest version.
func (h hostedPods) rolledOut(ctx context.Context) error {
	client, err := h.pool.Client(h.Kubeconfig)
	if err != nil {
		return err
	}
	name := hostedName(h.Component)
	live, err := client.Objects(appsv1.SchemeGroupVersion.WithResource("daemonsets"), systemNamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return client.Explain(err)
	}
	var d appsv1.DaemonSet
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &d); err != nil {
		return fmt.Errorf("read DaemonSet %s: %w", name, err)
	}
	want := d.Status.DesiredNumberScheduled
	switch {
	case d.Status.ObservedGeneration < d.Generation:
		return fmt.Errorf("%s: its controller has not seen the change yet", name)
	case want == 0:
		return fmt.Errorf("%s: no node has the label %s", name, labelRole)
	case d.Status.UpdatedNumberScheduled < want || d.Status.NumberAvailable < want:
		return fmt.Errorf("%s: %d of %d pods are new, %d are available", name, d.Status.UpdatedNumberScheduled, want, d.Status.NumberAvailable)
	}
	return nil
}
