package kubeobj

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
)

const (
	// addressTaken is how a server refuses a Service whose address is taken.
	addressTaken = "provided IP is already allocated"
	// underWay is how long an address may be taken by a request that is under way
	// still, though its client was killed: 3 s.
	underWay = 3 * time.Second
)

// errHeld says that the address of a Service is taken for that very Service.
var errHeld = errors.New("its address is taken for it already")

// unstick looks into a refusal of a Service because of its address. A server writes
// two objects for a Service: first its IPAddress, then itself. When the client goes
// away in between, the address stays taken for a Service that is not there, and the
// server gives it free after a minute or more (Kubernetes 1.36: repairip.go). So
// unstick does that, and its error is worth another try. Any other stays as it is.
func (o *Object) unstick(ctx context.Context, refusal error, since time.Time) error {
	if o.Kind != "Service" || !apierrors.IsInvalid(refusal) || !strings.Contains(refusal.Error(), addressTaken) {
		return refusal
	}
	if time.Since(since) < underWay {
		return fmt.Errorf("%w: %s", errHeld, refusal.Error())
	}
	if _, err := o.Live(ctx); !apierrors.IsNotFound(err) {
		return refusal
	}
	want, err := o.want()
	if err != nil {
		return kubeapi.Stop(err)
	}
	spec, _, _ := unstructured.NestedMap(want.Object, "spec")
	addresses, _, _ := unstructured.NestedStringSlice(spec, "clusterIPs")
	if one, _, _ := unstructured.NestedString(spec, "clusterIP"); one != "" {
		addresses = append(addresses, one)
	}
	freed := false
	for _, address := range addresses {
		free, err := o.freeAddress(ctx, address)
		if err != nil {
			return err
		}
		freed = freed || free
	}
	if !freed {
		return refusal
	}
	return fmt.Errorf("%w: it was given free", errHeld)
}

// freeAddress deletes an IPAddress if it is this Service's.
func (o *Object) freeAddress(ctx context.Context, name string) (bool, error) {
	c, err := o.pool.Client(o.Kubeconfig)
	if err != nil {
		return false, err
	}
	at := c.Objects(schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ipaddresses"}, "")
	live, err := at.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, c.Explain(err)
	}
	parent, _, _ := unstructured.NestedStringMap(live.Object, "spec", "parentRef")
	if parent["resource"] != "services" || parent["namespace"] != o.Namespace || parent["name"] != o.Name {
		return false, nil
	}
	uid := live.GetUID()
	err = at.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) {
		err = nil
	}
	return true, c.Explain(err)
}
