package controlplane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type nodeReadyConfig struct {
	Cluster kubeapi.Cluster `cf:"cluster,required" doc:"The cluster, as an administrator or as the node itself may ask it: kubeconfig is that of either."`
	Node    string          `cf:"node,required" doc:"Name of the Node."`
	Within  time.Duration   `cf:"within" default:"\"4m\"" doc:"How long to wait."`
}

func nodeReadyType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[nodeReadyConfig, struct{}]{
		Name: "node_ready",
		Doc: "Waits until a node is Ready, and says why it is not: it has not registered, its network plugin is missing, its kubelet is silent. " +
			"While it is Ready, nothing is planned.",
		Example: `phase "controlplane.node_ready" "node_ready" {
  cluster = { kubeconfig = "/etc/kubernetes/kubelet.conf" }
  node    = "n2"
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.cluster.kubeconfig"},
			{Kind: sdk.AccessKube, What: "Node config.node"},
		},
		Validate: func(c nodeReadyConfig) error {
			if problems := validation.IsDNS1123Subdomain(c.Node); len(problems) > 0 {
				return attrError("node", "%q is not the name of a node: %s", c.Node, problems[0])
			}
			if c.Within <= 0 {
				return attrError("within", "must be longer than zero")
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[nodeReadyConfig]) (resource.Work[struct{}], error) {
			mark := nodeMark{Kubeconfig: in.Config.Cluster.Path(in.WorkDir), Node: in.Config.Node, pool: pool}
			return resource.Work[struct{}]{Resources: []resource.Resource{&resource.Probe{
				Name: "node " + in.Config.Node + " to be Ready", Timeout: in.Config.Within,
				Check: func(ctx context.Context) error {
					node, err := mark.read(ctx)
					if err != nil {
						return notRead(in.Config.Node, err)
					}
					return judgeNode(node)
				},
			}}}, nil
		},
	}.Type()
}

func notRead(name string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return sdk.Hint(fmt.Errorf("node %s has not registered", name), "Its kubelet registers it: read its log there (journalctl -u kubelet).")
	case apierrors.IsForbidden(err):
		return sdk.Permanent(sdk.Hint(err, "A node may only ask for itself: is it the name of this node?"))
	}
	return err
}

// judgeNode says why a node is not Ready.
func judgeNode(node *corev1.Node) error {
	var ready corev1.NodeCondition
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			ready = c
		}
	}
	switch ready.Status {
	case corev1.ConditionTrue:
		return nil
	case corev1.ConditionUnknown:
		return sdk.Hint(fmt.Errorf("node %s is silent: %s", node.Name, ready.Message),
			"Its kubelet does not run, or cannot reach the API server: systemctl status kubelet; journalctl -u kubelet")
	case corev1.ConditionFalse: // it says why
	default:
		return fmt.Errorf("node %s has not told its status yet", node.Name)
	}
	err := errors.New(oneLine(fmt.Sprintf("node %s is not ready: %s", node.Name, ready.Message)))
	if strings.Contains(ready.Message, "NetworkPluginNotReady") || strings.Contains(ready.Message, "cni") {
		return sdk.Hint(err, "Install the network plugin of the cluster: its pods put a configuration into /etc/cni/net.d of each node. Where that comes later, do without this phase (wait_ready = false).")
	}
	return sdk.Hint(err, "Look at the log of its kubelet and at the container runtime: journalctl -u kubelet; crictl info")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
