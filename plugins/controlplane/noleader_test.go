package controlplane

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/zclconf/go-cty/cty"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"

// leadBy makes a process the leader of its kind.
func leadBy(t *testing.T, fake *kubeapitest.Fake, component, holder string) {
	t.Helper()
	fake.Put(t, leasePath+component, component, map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"name": component, "namespace": systemNamespace},
		"spec": map[string]any{"holderIdentity": holder, "leaseDurationSeconds": int64(15), "leaseTransitions": int64(3)},
	})
}

func holderOf(t *testing.T, fake *kubeapitest.Fake, component string) string {
	t.Helper()
	holder, _, err := unstructured.NestedString(fake.Object(leasePath+component).Object, "spec", "holderIdentity")
	if err != nil {
		t.Fatal(err)
	}
	return holder
}

func noLeader(t *testing.T, kubeconfig string) *phasetest.Phase {
	t.Helper()
	return phasetest.New(t, Spec(), "no_leader", map[string]cty.Value{"host": cty.StringVal("n1"), "kubeconfig": cty.StringVal(kubeconfig)})
}

// TestNoLeader gives back what components of this host hold, and nothing of others.
func TestNoLeader(t *testing.T) {
	const ours, others, alike = "n1_5a", "n2_5a", "n11_5a"
	tests := map[string]struct{ manager, scheduler string }{
		"both":      {ours, ours},
		"one":       {others, ours},
		"none":      {others, others},
		"alike":     {alike, alike},
		"given up":  {"", ours},
		"no holder": {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake := kubeapitest.NewFake(t)
			var plan []string
			for component, holder := range map[string]string{managerName: tt.manager, schedulerName: tt.scheduler} {
				leadBy(t, fake, component, holder)
				if holder == ours {
					plan = append(plan, "delete: another one takes it at once")
				}
			}
			phase := noLeader(t, fake.Admin)
			phase.Want(t, plan...)
			phase.Apply(t)
			for component, before := range map[string]string{managerName: tt.manager, schedulerName: tt.scheduler} {
				want := before
				if before == ours {
					want = ""
				}
				if got := holderOf(t, fake, component); got != want {
					t.Errorf("%s is led by %q, want %q", component, got, want)
				}
			}
			phase.Want(t)
		})
	}
}

// TestNoLeaderUnasked needs neither a cluster nor Leases.
func TestNoLeaderUnasked(t *testing.T) {
	noLeader(t, filepath.Join(t.TempDir(), "admin.conf")).Want(t)
	noLeader(t, broken(t)).Want(t)
	noLeader(t, kubeapitest.NewFake(t).Admin).Want(t)
}

// TestNoLeaderTaken leaves the Lease to who took it while it was to be given back.
func TestNoLeaderTaken(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	leadBy(t, fake, managerName, "n1_5a")
	phase := noLeader(t, fake.Admin)
	taken := false
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if r.Method != http.MethodPatch || taken {
			return nil
		}
		taken = true
		leadBy(t, fake, managerName, "n2_5a")
		return apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, managerName, nil)
	})
	if result := phase.Try(t); result.Status != sdk.StatusOK || len(result.Diagnostics) > 0 {
		t.Errorf("got %s, %v", result.Status, result.Diagnostics)
	}
	if got := holderOf(t, fake, managerName); !taken || got != "n2_5a" {
		t.Errorf("it is led by %q, want n2_5a", got)
	}
}
