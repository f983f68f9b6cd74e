package controlplane

import (
	"context"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// farewell is how long an API server may take to end: 1 s. It takes itself out of the
// endpoints at once, which is two writes to its etcd, and answers what was asked; then
// it waits for watches to end, which they do not.
const farewell = time.Second

type noEndpointConfig struct {
	Kubeconfig string `cf:"kubeconfig" default:"\"/etc/kubernetes/admin.conf\"" doc:"Path of the administrator's kubeconfig."`
	Node       string `cf:"node,required" doc:"Name of the Node."`
	CRISocket  string `cf:"cri_socket,required" doc:"Socket of the container runtime."`
}

func noEndpointType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[noEndpointConfig, struct{}]{
		Name: "no_endpoint",
		Doc: "The API server of this host serves nobody any more: it ends while its etcd still works, so it answers what it was asked, refuses what is new, " +
			"and takes its address out of the Service kubernetes, where it would stay for a quarter of a minute otherwise. Load balancers turn to the others. " +
			"The kubelet starts it again unless it is stopped soon. Nothing is done where no other control-plane node would take over. Nothing can be undone.",
		Example: "phase \"controlplane.no_endpoint\" \"endpoint\" {\n  node       = \"n3\"\n  cri_socket = \"unix:///run/containerd/containerd.sock\"\n}",
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.kubeconfig"},
			{Kind: sdk.AccessPath, What: "config.cri_socket", Write: true},
			{Kind: sdk.AccessKube, What: "Nodes"},
		},
		Validate: func(c noEndpointConfig) error {
			if _, err := cri.Address(c.CRISocket); err != nil {
				return attrError("cri_socket", "%w", err)
			}
			return validateNodeName(c.Node)
		},
		Build: func(ctx context.Context, in resource.Input[noEndpointConfig]) (resource.Work[struct{}], error) {
			things, err := apiServers(ctx, pool, in)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

// apiServers are the containers that run one here, while there are others elsewhere.
func apiServers(ctx context.Context, pool *kubeapi.Pool, in resource.Input[noEndpointConfig]) ([]sweep.Thing, error) {
	d, err := look(ctx, pool, hostpath.Abs(in.WorkDir, in.Config.Kubeconfig), in.Config.Node)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil || d.controlPlanes == 0 {
		return nil, nil // controlplane.no_node says why
	}
	client, err := cri.Dial(in.Config.CRISocket)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	containers, err := client.Containers(ctx, map[string]string{cri.LabelNamespace: systemNamespace, cri.LabelContainer: apiServerName})
	if err != nil {
		return nil, err
	}
	var things []sweep.Thing
	for _, c := range containers {
		if c.State == "running" {
			things = append(things, sweep.Thing{
				Kind: "container", Target: c.Namespace + "/" + c.Pod, Reason: "its clients go to other API servers", Disruptive: true,
				Remove: func(ctx context.Context) error { return endContainer(ctx, in.Config.CRISocket, c.ID) },
			})
		}
	}
	return things, nil
}

// endContainer has a connection of its own, so that a plan leaves none open.
func endContainer(ctx context.Context, socket, id string) error {
	client, err := cri.Dial(socket)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return client.StopContainer(ctx, id, farewell)
}
