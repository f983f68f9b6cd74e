package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	// evictEvery is the time between two looks at a pod that is to go.
	evictEvery = 500 * time.Millisecond
	// evictionsAtOnce is how many pods are evicted at a time.
	evictionsAtOnce = 16
)

type drainConfig struct {
	Kubeconfig string        `cf:"kubeconfig" default:"\"/etc/kubernetes/admin.conf\"" doc:"Path of the administrator's kubeconfig."`
	Node       string        `cf:"node,required" doc:"Name of the Node."`
	Within     time.Duration `cf:"within" default:"\"2m\"" doc:"How long the pods may take to go, and disruption budgets to allow it."`
}

func drainType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[drainConfig, struct{}]{
		Name: "drain",
		Doc: "No pod is on the node that could be elsewhere: it gets no new ones, and those it has are evicted, as far as disruption budgets allow within the time. " +
			"Pods of DaemonSets and static pods stay. Nothing is done where the cluster cannot be asked or ends with this node. Undo does not bring anything back.",
		Example: "phase \"controlplane.drain\" \"drain\" {\n  node   = \"n3\"\n  within = \"5m\"\n}",
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.kubeconfig"},
			{Kind: sdk.AccessKube, What: "Node config.node, its pods", Write: true},
		},
		Validate: func(c drainConfig) error {
			if c.Within <= 0 {
				return attrError("within", "must be longer than zero")
			}
			return validateNodeName(c.Node)
		},
		Build: func(ctx context.Context, in resource.Input[drainConfig]) (resource.Work[struct{}], error) {
			things, err := evictions(ctx, pool, in)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

func evictions(ctx context.Context, pool *kubeapi.Pool, in resource.Input[drainConfig]) ([]sweep.Thing, error) {
	c := in.Config
	d, err := look(ctx, pool, hostpath.Abs(in.WorkDir, c.Kubeconfig), c.Node)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !goesOn(d, err) {
		return nil, nil // controlplane.no_node says why
	}
	list, err := podsIn(d.client, "").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + c.Node})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", c.Node, d.client.Explain(err))
	}
	e := &eviction{client: d.client, node: c.Node, within: c.Within}
	for _, pod := range list.Items {
		if evictable(pod) {
			e.pods = append(e.pods, pod)
		}
	}
	return e.things(), nil
}

// evictable reports a pod that works and could do so elsewhere.
func evictable(pod unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	_, mirrors := pod.GetAnnotations()[corev1.MirrorPodAnnotationKey]
	owner := metav1.GetControllerOf(&pod)
	daemon := owner != nil && owner.Kind == "DaemonSet"
	return !mirrors && !daemon && phase != string(corev1.PodSucceeded) && phase != string(corev1.PodFailed)
}

// eviction is the pods of a node, which go at the same time, when the first of them
// has its turn.
type eviction struct {
	client *kubeapi.Client
	node   string
	within time.Duration
	pods   []unstructured.Unstructured

	once sync.Once
	errs []error // one for each pod
}

func (e *eviction) things() []sweep.Thing {
	out := make([]sweep.Thing, 0, len(e.pods))
	for i := range e.pods {
		pod := &e.pods[i]
		reason := "evicted; its controller makes it anew elsewhere"
		if metav1.GetControllerOf(pod) == nil {
			reason = "evicted; it has no controller, so nobody makes it anew"
		}
		out = append(out, sweep.Thing{
			Kind: "pod", Target: pod.GetNamespace() + "/" + pod.GetName(), Reason: reason, Disruptive: true,
			Remove: func(ctx context.Context) error {
				e.once.Do(func() { e.run(ctx) })
				return e.errs[i]
			},
		})
	}
	return out
}

func (e *eviction) run(ctx context.Context) {
	e.errs = make([]error, len(e.pods))
	if err := e.cordon(ctx); err != nil {
		e.errs = slices.Repeat([]error{err}, len(e.pods))
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.within, fmt.Errorf("it is still there after %s", e.within))
	defer cancel()
	var group errgroup.Group
	group.SetLimit(evictionsAtOnce)
	for i := range e.pods {
		group.Go(func() error {
			e.errs[i] = e.evict(ctx, &e.pods[i])
			return nil
		})
	}
	_ = group.Wait() // each has its own error
}

// cordon lets no more pods be scheduled to the node.
func (e *eviction) cordon(ctx context.Context) error {
	patch := []byte(`{"spec":{"unschedulable":true}}`)
	return kubeapi.Retry(ctx, kubeapi.CallTimeout, func(ctx context.Context) error {
		_, err := nodesOf(e.client).Patch(ctx, e.node, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: kubeobj.Manager})
		return e.client.Explain(err)
	})
}

// evict asks for an eviction until a disruption budget allows it, and waits until
// the pod is gone.
func (e *eviction) evict(ctx context.Context, pod *unstructured.Unstructured) error {
	accepted := false
	err := resource.WaitFor(ctx, resource.Probe{
		Name: fmt.Sprintf("pod %s/%s to go", pod.GetNamespace(), pod.GetName()), Every: evictEvery, Timeout: e.within,
		Check: func(ctx context.Context) error {
			if !accepted {
				err := e.ask(ctx, pod)
				if apierrors.IsNotFound(err) {
					return nil
				}
				if err != nil {
					return err
				}
				accepted = true
			}
			return e.gone(ctx, pod)
		},
	})
	if err == nil {
		return nil
	}
	return sdk.Hint(err, fmt.Sprintf("Nothing else was done; %s takes no new pods (kubectl uncordon %s). Let the disruption budget allow it, give it more time "+
		"(drain_timeout in reset.hcl), or go without (drain=false).", e.node, e.node))
}

func (e *eviction) ask(ctx context.Context, pod *unstructured.Unstructured) error {
	body := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": policyv1.SchemeGroupVersion.String(), "kind": "Eviction",
		"metadata": map[string]any{"name": pod.GetName(), "namespace": pod.GetNamespace()},
	}}
	_, err := podsIn(e.client, pod.GetNamespace()).Create(ctx, body, metav1.CreateOptions{}, "eviction")
	return e.client.Explain(err)
}

// gone reports that the pod is not there any more, or another one of its name is.
func (e *eviction) gone(ctx context.Context, pod *unstructured.Unstructured) error {
	live, err := podsIn(e.client, pod.GetNamespace()).Get(ctx, pod.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return e.client.Explain(err)
	case live.GetUID() != pod.GetUID():
		return nil
	}
	return errors.New("it is ending")
}
