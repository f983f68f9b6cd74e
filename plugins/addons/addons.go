// Package addons is the plugin for what runs inside a cluster from its first
// minute: CoreDNS, kube-proxy, and whatever a user has YAML for.
//
// All phases take the output cluster of the phase controlplane.wait and run side
// by side. The objects are those that kubeadm makes, written by server-side
// apply: fields that others have written stay.
//
// The plugin does not wait for pods: in a new cluster most of them cannot run
// before there is a pod network and a node to take them.
package addons

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	systemNamespace   = "kube-system"
	defaultRepository = "registry.k8s.io"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	pool := kubeapi.NewPool() // the plugin's phases share connections
	return sdk.Spec{
		Name: "addons", Version: "dev",
		Doc:   "What runs inside a cluster from its first minute: CoreDNS, kube-proxy, any YAML.",
		Types: []sdk.Type{coreDNSType(pool), kubeProxyType(pool), manifestType(pool)},
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

// coreDNSImage is the image of CoreDNS. Only in the default repository it has a
// directory of its own.
func coreDNSImage(repository, tag string) string {
	if repository == defaultRepository {
		repository += "/coredns"
	}
	return repository + "/coredns:" + tag
}

// validRepository refuses what would not make an image name with a tag behind it.
func validRepository(repository string) error {
	if repository == "" || strings.ContainsAny(repository, " \t\n@") || strings.HasSuffix(repository, "/") {
		return attrError("image_repository", "%q is not the first part of an image name, such as registry.k8s.io", repository)
	}
	return nil
}

// inSystem is the metadata of an object in kube-system.
func inSystem(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: systemNamespace, Name: name}
}

// bindServiceAccount gives a service account of kube-system a ClusterRole.
func bindServiceAccount(name, clusterRole, account string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: systemNamespace, Name: account}},
	}
}

// onLinux is the node selector of both addons.
func onLinux() map[string]string { return map[string]string{corev1.LabelOSStable: "linux"} }
