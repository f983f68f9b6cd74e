package controlplane

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type nodeRBACConfig struct {
	Cluster kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
}

func nodeRBACType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[nodeRBACConfig, struct{}]{
		Name: "node_rbac",
		Doc: "Lets nodes join with a bootstrap token: they may ask for a certificate, get it without anybody's approval, renew it, and look at nodes. " +
			"It also lets the API server use the kubelets' API, which kubectl logs and exec need.",
		Example: `phase "controlplane.node_rbac" "node_rbac" {
  cluster = phase.control_plane.cluster
}`,
		Access:   kubeAccess("ClusterRole kubeadm:get-nodes, ClusterRoleBindings kubeadm:*"),
		Kinds:    []resource.Kind{kubeobj.Kind(pool)},
		Parallel: true,
		Build: func(_ context.Context, in resource.Input[nodeRBACConfig]) (resource.Work[struct{}], error) {
			maker := kubeobj.Maker{Pool: pool, Kubeconfig: in.Config.Cluster.Path(in.WorkDir)}
			return resource.Work[struct{}]{Resources: maker.Objects(nodeRBAC()...)}, nil
		},
	}.Type()
}

// nodeRBAC lists the objects, by the names that kubeadm gives them.
func nodeRBAC() []runtime.Object {
	const (
		getNodes   = "kubeadm:get-nodes"
		autoSign   = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
		autoRenew  = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
		kubeletAPI = "kube-apiserver-kubelet-client" // the name in the API server's client certificate
	)
	return []runtime.Object{
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: getNodes}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get"},
		}}},
		bind(getNodes, getNodes, group(nodeTokenGroup)),
		bind("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", group(nodeTokenGroup)),
		bind("kubeadm:node-autoapprove-bootstrap", autoSign, group(nodeTokenGroup)),
		bind("kubeadm:node-autoapprove-certificate-rotation", autoRenew, group("system:nodes")),
		bind("kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", user(kubeletAPI)),
	}
}
