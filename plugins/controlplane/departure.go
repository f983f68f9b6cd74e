package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
)

// lookWithin bounds the look at a cluster that may be gone already.
const lookWithin = 2 * time.Second

// nodesOf gives access to the nodes of a cluster.
func nodesOf(c *kubeapi.Client) dynamic.ResourceInterface {
	return c.Objects(corev1.SchemeGroupVersion.WithResource("nodes"), "")
}

// podsIn gives access to the pods of a namespace, or of all.
func podsIn(c *kubeapi.Client, namespace string) dynamic.ResourceInterface {
	return c.Objects(corev1.SchemeGroupVersion.WithResource("pods"), namespace)
}

// departure is what a cluster says to a node that is about to leave.
type departure struct {
	client *kubeapi.Client
	// gone says that it has left already.
	gone bool
	// ends says that the cluster ends without this node, and why: "it is the last
	// node". Empty if it goes on.
	ends string
	// controlPlanes is how many nodes besides it are part of the control plane.
	controlPlanes int
}

// look asks the cluster. The error is [kubeapi.ErrNoKubeconfig] where nobody may ask.
func look(ctx context.Context, pool *kubeapi.Pool, kubeconfig, name string) (departure, error) {
	client, err := pool.Client(kubeconfig)
	if err != nil {
		return departure{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lookWithin, fmt.Errorf("no answer within %s", lookWithin))
	defer cancel()
	all, err := nodesOf(client).List(ctx, metav1.ListOptions{})
	if err != nil {
		return departure{}, client.Explain(err)
	}
	d := departure{client: client, gone: true}
	others, controls := 0, false
	for _, node := range all.Items {
		_, control := node.GetLabels()[controlPlaneRole]
		switch {
		case node.GetName() == name:
			d.gone, controls = false, control
			continue
		case control:
			d.controlPlanes++
		}
		others++
	}
	switch {
	case d.gone:
	case others == 0:
		d.ends = "it is the last node"
	case controls && d.controlPlanes == 0:
		d.ends = fmt.Sprintf("it is the last control-plane node, and %d others lose their control plane", others)
	}
	return d, nil
}

// goesOn reports that there is a cluster to leave: it can be asked, and does not
// end with this node.
func goesOn(d departure, err error) bool { return err == nil && !d.gone && d.ends == "" }

// stays explains why a node stays known to its cluster; "" if it does not.
func stays(d departure, err error) string {
	switch {
	case errors.Is(err, kubeapi.ErrNoKubeconfig):
		return "there is no kubeconfig of an administrator here, and a kubelet may not delete its Node"
	case err != nil:
		return err.Error()
	}
	return d.ends
}
