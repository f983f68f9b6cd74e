// Package controlplane is the plugin for the control plane of a cluster: its
// processes, the wait until they work, and what a cluster knows of itself — its
// configuration, bootstrap tokens, cluster-info and the marks of its nodes. A host
// that joins finds out here where the cluster is and how it is configured.
//
// All phases that need the API take the output cluster of the phase
// controlplane.wait. That reference is their only order: they run side by side.
//
// The plugin makes no certificates, installs no addons, and joins no nodes.
package controlplane

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

// Namespaces in which a cluster keeps what it knows of itself.
const (
	systemNamespace = "kube-system"
	publicNamespace = "kube-public" // may be read without credentials, where a Role says so
)

// nodeTokenGroup is the group of nodes that join with a token, in every version
// of kubeadm.
const nodeTokenGroup = "system:bootstrappers:kubeadm:default-node-token"

// Spec declares the plugin.
func Spec() sdk.Spec {
	pool := kubeapi.NewPool() // the plugin's phases share connections
	return sdk.Spec{
		Name: "controlplane", Version: "dev",
		Doc: "The control plane: its processes, waiting for them, and what a cluster knows of itself.",
		Types: []sdk.Type{
			processType(), staticPodType(), auditType(), selfHostedType(pool), waitType(pool), uploadConfigType(pool), tokenType(pool), nodeRBACType(pool), clusterInfoType(pool), markType(pool),
			discoveryType(pool), clusterConfigType(pool), nodeReadyType(pool), tokensType(pool),
			drainType(pool), noNodeType(pool), noEndpointType(pool), noLeaderType(pool),
		},
	}
}

// attrError is an error of one config attribute.
func attrError(name, format string, args ...any) error {
	return cty.GetAttrPath(name).NewError(fmt.Errorf(format, args...))
}

// kubeAccess says that a phase writes these objects.
func kubeAccess(what string) []sdk.Access {
	return []sdk.Access{{Kind: sdk.AccessPath, What: "config.cluster.kubeconfig"}, {Kind: sdk.AccessKube, What: what, Write: true}}
}
