package kubeobj

import (
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// knownKind is a kind that every API server has.
type knownKind struct {
	typed      runtime.Object
	kind       schema.GroupVersionKind
	resource   string
	namespaced bool
}

// knownKinds are those that clusterflow itself writes: they need no question to
// the server, and can be made before it runs.
func knownKinds() []knownKind {
	core, apps, rbac := corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, rbacv1.SchemeGroupVersion
	return []knownKind{
		{&corev1.ConfigMap{}, core.WithKind("ConfigMap"), "configmaps", true},
		{&corev1.Secret{}, core.WithKind("Secret"), "secrets", true},
		{&corev1.Service{}, core.WithKind("Service"), "services", true},
		{&corev1.ServiceAccount{}, core.WithKind("ServiceAccount"), "serviceaccounts", true},
		{&corev1.Namespace{}, core.WithKind("Namespace"), "namespaces", false},
		{&appsv1.Deployment{}, apps.WithKind("Deployment"), "deployments", true},
		{&appsv1.DaemonSet{}, apps.WithKind("DaemonSet"), "daemonsets", true},
		{&rbacv1.Role{}, rbac.WithKind("Role"), "roles", true},
		{&rbacv1.RoleBinding{}, rbac.WithKind("RoleBinding"), "rolebindings", true},
		{&rbacv1.ClusterRole{}, rbac.WithKind("ClusterRole"), "clusterroles", false},
		{&rbacv1.ClusterRoleBinding{}, rbac.WithKind("ClusterRoleBinding"), "clusterrolebindings", false},
	}
}

func kindOfType(typed runtime.Object) (knownKind, bool) {
	for _, k := range knownKinds() {
		if reflect.TypeOf(k.typed) == reflect.TypeOf(typed) {
			return k, true
		}
	}
	return knownKind{}, false
}

func kindOfName(kind schema.GroupVersionKind) (knownKind, bool) {
	for _, k := range knownKinds() {
		if k.kind == kind {
			return k, true
		}
	}
	return knownKind{}, false
}
