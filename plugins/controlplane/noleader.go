package controlplane

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// giveBackWithin bounds the wait to give a Lease back: 5 s. It makes up for 15 s.
const giveBackWithin = 5 * time.Second

type noLeaderConfig struct {
	Kubeconfig string `cf:"kubeconfig" default:"\"/etc/kubernetes/admin.conf\"" doc:"Path of the administrator's kubeconfig."`
	Host       string `cf:"host" doc:"Name of the host, as its kernel has it. Default: that of this host."`
}

func noLeaderType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[noLeaderConfig, struct{}]{
		Name: "no_leader",
		Doc: "No controller manager and no scheduler of this host leads the others any more: their Leases are given back, and another one leads within seconds. " +
			"Otherwise it would wait 15 s for a sign of life, and no Deployment, disruption budget or endpoint would follow what happens. " +
			"They must have ended, or they would take the Leases again. Nothing is done where the cluster cannot be asked. Nothing can be undone.",
		Example: "phase \"controlplane.no_leader\" \"leader\" {\n  kubeconfig = \"/etc/kubernetes/admin.conf\"\n}",
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.kubeconfig"},
			{Kind: sdk.AccessKube, What: "Leases kube-controller-manager and kube-scheduler in kube-system", Write: true},
		},
		Build: func(ctx context.Context, in resource.Input[noLeaderConfig]) (resource.Work[struct{}], error) {
			things, err := leads(ctx, pool, in)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

// leads are the Leases that a component of the host holds.
func leads(ctx context.Context, pool *kubeapi.Pool, in resource.Input[noLeaderConfig]) ([]sweep.Thing, error) {
	host, err := os.Hostname()
	if host = cmp.Or(in.Config.Host, host); host == "" {
		return nil, fmt.Errorf("find host name: %w", err)
	}
	client, err := pool.Client(hostpath.Abs(in.WorkDir, in.Config.Kubeconfig))
	if err != nil {
		return nil, nil // controlplane.no_node says why
	}
	var things []sweep.Thing
	for _, component := range []string{managerName, schedulerName} {
		l := lead{leases: client.Objects(coordinationv1.SchemeGroupVersion.WithResource("leases"), systemNamespace), component: component, host: host}
		switch held, err := l.look(ctx); {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, nil // nobody is left to lead, or to be asked
		case held != nil:
			things = append(things, sweep.Thing{
				Kind: "lead", Target: component, Reason: "another one takes it at once", Remove: l.giveBack,
			})
		}
	}
	return things, nil
}

// lead is the Lease by which one component of several leads.
type lead struct {
	leases    dynamic.ResourceInterface
	component string
	host      string
}

// look answers the Lease if a component of the host holds it, else nil.
func (l lead) look(ctx context.Context) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookWithin, fmt.Errorf("no answer within %s", lookWithin))
	defer cancel()
	live, err := l.leases.Get(ctx, l.component, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	holder, _, err := unstructured.NestedString(live.Object, "spec", "holderIdentity")
	if err != nil || !strings.HasPrefix(holder, l.host+"_") { // which an id of the process follows
		return nil, err
	}
	return live, nil
}

// giveBack does what a component does that releases its Lease, unless another one
// has taken it meanwhile. A failure costs time and no more: it is warned of.
func (l lead) giveBack(ctx context.Context) error {
	err := kubeapi.Retry(ctx, giveBackWithin, func(ctx context.Context) error {
		live, err := l.look(ctx)
		if live == nil || err != nil {
			return err
		}
		text, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"resourceVersion": live.GetResourceVersion()},
			"spec":     map[string]any{"holderIdentity": "", "leaseDurationSeconds": 1},
		})
		if err != nil {
			return err
		}
		_, err = l.leases.Patch(ctx, l.component, types.MergePatchType, text, metav1.PatchOptions{FieldManager: kubeobj.Manager})
		return err
	})
	if err != nil && ctx.Err() == nil {
		resource.Warn(ctx, fmt.Sprintf("give back Lease %s/%s: %v", systemNamespace, l.component, err), "Another host leads after 15 s without it.")
		return nil
	}
	return err
}
