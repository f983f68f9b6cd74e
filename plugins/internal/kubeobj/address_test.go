package kubeobj_test

import (
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
)

// An address that is taken for the Service itself, which is not there, is given free;
// one of another Service is not.
func TestAddressOfAKilledRequest(t *testing.T) {
	t.Parallel()
	const address = "/apis/networking.k8s.io/v1/ipaddresses/10.96.0.10"
	for name, owner := range map[string]string{"its own": "dns", "of another": "web"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for the end of requests under way
			fake := kubeapitest.NewFake(t)
			fake.Put(t, address, "server", map[string]any{
				"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": map[string]any{"name": "10.96.0.10"},
				"spec": map[string]any{"parentRef": map[string]any{"group": "", "resource": "services", "namespace": "kube-system", "name": owner}},
			})
			fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
				if r.Method != http.MethodPatch || fake.Object(address) == nil {
					return nil
				}
				return apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "dns", field.ErrorList{
					field.Invalid(field.NewPath("spec", "clusterIPs"), []string{"10.96.0.10"}, "failed to allocate IP 10.96.0.10: provided IP is already allocated"),
				})
			})
			err := newMaker(t, fake.Admin).Object(&corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "dns"},
				Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.10"},
			}).Render(t.Context())
			if owner == "dns" && err != nil {
				t.Errorf("got %v", err)
			}
			if owner != "dns" && (err == nil || !strings.Contains(err.Error(), "already allocated") || fake.Object(address) == nil) {
				t.Errorf("got %v, want a refusal, and the address as it was", err)
			}
		})
	}
}
