package controlplane

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type noNodeConfig struct {
	Kubeconfig string `cf:"kubeconfig" default:"\"/etc/kubernetes/admin.conf\"" doc:"Path of the administrator's kubeconfig."`
	Node       string `cf:"node,required" doc:"Name of the Node."`
}

func noNodeType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[noNodeConfig, struct{}]{
		Name: "no_node",
		Doc: "The cluster does not know the node any more: its Node is deleted, so that nothing is scheduled to it and its pods are given up. " +
			"Where the cluster cannot be asked, or ends with this node, that is only warned of, with the command for an administrator. Nothing can be undone.",
		Example:  "phase \"controlplane.no_node\" \"node\" {\n  node = \"n3\"\n}",
		Access:   []sdk.Access{{Kind: sdk.AccessPath, What: "config.kubeconfig"}, {Kind: sdk.AccessKube, What: "Node config.node", Write: true}},
		Validate: func(c noNodeConfig) error { return validateNodeName(c.Node) },
		Build: func(ctx context.Context, in resource.Input[noNodeConfig]) (resource.Work[struct{}], error) {
			name := in.Config.Node
			d, err := look(ctx, pool, hostpath.Abs(in.WorkDir, in.Config.Kubeconfig), name)
			if ctx.Err() != nil {
				return resource.Work[struct{}]{}, context.Cause(ctx)
			}
			if !goesOn(d, err) {
				warnStays(ctx, name, d, err)
				return resource.Work[struct{}]{}, nil
			}
			return resource.Work[struct{}]{Resources: sweep.Resources([]sweep.Thing{{
				Kind: "Node", Target: name, Remove: func(ctx context.Context) error { return deleteNode(ctx, d.client, name) },
			}})}, nil
		},
	}.Type()
}

func warnStays(ctx context.Context, name string, d departure, err error) {
	why := stays(d, err)
	switch {
	case why == "":
	case d.ends != "":
		resource.Warn(ctx, fmt.Sprintf("the cluster ends with %s: %s", name, why), "Its objects and all data in etcd are lost.")
	default:
		resource.Warn(ctx, fmt.Sprintf("%s stays known to its cluster: %s", name, why),
			fmt.Sprintf("If the cluster goes on, let an administrator run: kubectl drain %s --ignore-daemonsets --delete-emptydir-data; kubectl delete node %s", name, name))
	}
}

func deleteNode(ctx context.Context, client *kubeapi.Client, name string) error {
	return kubeapi.Retry(ctx, kubeapi.CallTimeout, func(ctx context.Context) error {
		err := nodesOf(client).Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return client.Explain(err)
	})
}
