package etcd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	turnLease = "clusterflow-etcd-join"
	// turnLasts is how long a turn counts without being renewed: 30 s. Between
	// etcd.join, which takes it, and etcd.promote, which goes on renewing it, there is
	// only the writing of a manifest.
	turnLasts  = 30 * time.Second
	renewEvery = 10 * time.Second
	// annotationLeft names the holder from whom the turn was taken because it was
	// silent: a learner of its own is a left-over.
	annotationLeft = "clusterflow.io/left-behind"
	fieldManager   = "clusterflow"
)

// turn is the right to add a learner to the cluster and promote it, which one host
// has at a time: a Lease. etcd itself takes one learner at a time, but cannot tell
// one that is on its way from one whose host has died.
type turn struct {
	pool       *kubeapi.Pool
	kubeconfig string // empty: there is no API to ask, and everybody has the turn
	holder     string // this host
	now        func() time.Time

	renewed time.Time // by us
	left    string    // holder from whom it was taken
	seen    sight
}

// sight is what was last seen of another's turn. Only when it last changed counts,
// by the clock of this host.
type sight struct {
	version string
	at      time.Time
}

// take returns nil if it is this host's turn, which is renewed now and then.
func (t *turn) take(ctx context.Context) error {
	now := t.now()
	if t.kubeconfig == "" || !t.renewed.IsZero() && now.Sub(t.renewed) < renewEvery {
		return nil
	}
	client, err := t.pool.Client(t.kubeconfig)
	if err != nil {
		return err
	}
	leases := client.Objects(coordinationv1.SchemeGroupVersion.WithResource("leases"), metav1.NamespaceSystem)
	live, err := leases.Get(ctx, turnLease, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		err = t.create(ctx, leases)
	case err == nil:
		err = t.update(ctx, leases, live)
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("another host was faster to take the turn: %w", err)
	}
	switch err = client.Explain(err); {
	case err == nil:
		t.renewed = now
		return nil
	case kubeapi.Hopeless(err) || apierrors.IsForbidden(err):
		return sdk.Permanent(fmt.Errorf("take the turn to join: %w", err))
	}
	return err
}

func (t *turn) create(ctx context.Context, leases dynamic.ResourceInterface) error {
	lease := t.lease(coordinationv1.LeaseSpec{})
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(lease)
	if err != nil {
		return err
	}
	content["apiVersion"], content["kind"] = coordinationv1.SchemeGroupVersion.String(), "Lease"
	_, err = leases.Create(ctx, &unstructured.Unstructured{Object: content}, metav1.CreateOptions{FieldManager: fieldManager})
	return err
}

// update takes a turn that is free, renews ours, or takes over another's that was
// not renewed in time.
func (t *turn) update(ctx context.Context, leases dynamic.ResourceInterface, live *unstructured.Unstructured) error {
	var have coordinationv1.Lease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &have); err != nil {
		return fmt.Errorf("read Lease %s: %w", turnLease, err)
	}
	holder := ""
	if have.Spec.HolderIdentity != nil {
		holder = *have.Spec.HolderIdentity
	}
	t.left = have.Annotations[annotationLeft]
	if holder != "" && holder != t.holder {
		if version := live.GetResourceVersion(); t.seen.version != version {
			t.seen = sight{version: version, at: t.now()}
		}
		if t.now().Sub(t.seen.at) < turnLasts {
			name, _, _ := strings.Cut(holder, "=")
			return fmt.Errorf("it is the turn of %s, which joins etcd now", name)
		}
		t.left = holder
	}
	return t.write(ctx, leases, live.GetResourceVersion(), t.lease(have.Spec))
}

// lease is the Lease with this host as its holder.
func (t *turn) lease(before coordinationv1.LeaseSpec) *coordinationv1.Lease {
	now := metav1.NewMicroTime(t.now())
	spec := coordinationv1.LeaseSpec{
		HolderIdentity: &t.holder, LeaseDurationSeconds: new(int32(turnLasts / time.Second)),
		AcquireTime: &now, RenewTime: &now, LeaseTransitions: new(int32(0)),
	}
	if before.LeaseTransitions != nil {
		*spec.LeaseTransitions = *before.LeaseTransitions + 1
	}
	if before.HolderIdentity != nil && *before.HolderIdentity == t.holder && before.AcquireTime != nil {
		spec.AcquireTime, spec.LeaseTransitions = before.AcquireTime, before.LeaseTransitions
	}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: turnLease}, Spec: spec}
	if t.left != "" {
		lease.Annotations = map[string]string{annotationLeft: t.left}
	}
	return lease
}

// write changes the Lease, unless somebody else has since that version.
func (t *turn) write(ctx context.Context, leases dynamic.ResourceInterface, version string, lease *coordinationv1.Lease) error {
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": version, "annotations": map[string]any{annotationLeft: orNull(t.left)}},
		"spec":     lease.Spec,
	})
	if err != nil {
		return err
	}
	_, err = leases.Patch(ctx, turnLease, types.MergePatchType, text, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// leftBehind reports whether that peer URL is of a host whose turn was taken from it.
func (t *turn) leftBehind(peerURL string) bool {
	_, url, _ := strings.Cut(t.left, "=")
	return url != "" && url == peerURL
}

// release gives the turn to whoever waits. A turn that is another's by now stays.
func (t *turn) release(ctx context.Context) error {
	if t.kubeconfig == "" {
		return nil
	}
	client, err := t.pool.Client(t.kubeconfig)
	if err != nil {
		return err
	}
	leases := client.Objects(coordinationv1.SchemeGroupVersion.WithResource("leases"), metav1.NamespaceSystem)
	live, err := leases.Get(ctx, turnLease, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return client.Explain(err)
	}
	holder, _, err := unstructured.NestedString(live.Object, "spec", "holderIdentity")
	if err != nil || holder != t.holder {
		return err
	}
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": live.GetResourceVersion(), "annotations": map[string]any{annotationLeft: nil}},
		"spec":     map[string]any{"holderIdentity": nil},
	})
	if err != nil {
		return err
	}
	_, err = leases.Patch(ctx, turnLease, types.MergePatchType, text, metav1.PatchOptions{FieldManager: fieldManager})
	if apierrors.IsConflict(err) {
		return nil
	}
	return client.Explain(err)
}
