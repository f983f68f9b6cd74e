package kubeobj_test

import (
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// testObjects is what an API server and this package do together. It runs against
// the fake, and against a real server in the e2e tests.
func testObjects(t *testing.T, maker kubeobj.Maker) {
	t.Helper()
	for name, typed := range samples() {
		t.Run(name, func(t *testing.T) { testLife(t, maker, typed) })
	}
	t.Run("update", func(t *testing.T) { testUpdate(t, maker) })
	t.Run("foreign fields stay", func(t *testing.T) { testForeign(t, maker) })
	t.Run("kept fields stay", func(t *testing.T) { testKeep(t, maker) })
	t.Run("secrets are hidden", func(t *testing.T) { testSecret(t, maker) })
}

// testLife makes an object, finds nothing to do, and removes it by its record.
func testLife(t *testing.T, maker kubeobj.Maker, typed runtime.Object) {
	t.Helper()
	o := maker.Object(typed)
	wantChange(t, o, sdk.OpCreate, "absent")
	if err := o.Render(t.Context()); err != nil {
		t.Fatalf("Render: %v", err)
	}
	wantChange(t, maker.Object(typed), sdk.OpNone, "")

	record, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := kubeobj.Kind(maker.Pool).Restore(record)
	if err != nil {
		t.Fatal(err)
	}
	wantChange(t, restored, sdk.OpNone, "")
	for range 2 { // an absent object is no error
		if err := restored.Remove(t.Context()); err != nil {
			t.Fatalf("Remove: %v", err)
		}
	}
	wantChange(t, o, sdk.OpCreate, "absent")
}

func testUpdate(t *testing.T, maker kubeobj.Maker) {
	t.Helper()
	render(t, maker.Object(configMap("update", map[string]string{"a": "1", "b": "1"})))
	next := maker.Object(configMap("update", map[string]string{"a": "2"}))
	change := wantChange(t, next, sdk.OpUpdate, "differs in data.a, data.b")
	for _, line := range []string{"--- live", "+++ wanted", "-  a: \"1\"", "+  a: \"2\"", "-  b: \"1\""} {
		if !strings.Contains(change.Diff, line+"\n") {
			t.Errorf("diff has no line %q:\n%s", line, change.Diff)
		}
	}
	if strings.Contains(change.Diff, "managedFields") || strings.Contains(change.Diff, "resourceVersion") {
		t.Errorf("diff shows what the server keeps for itself:\n%s", change.Diff)
	}
	render(t, next)
	wantChange(t, next, sdk.OpNone, "")
	if got, _, _ := unstructured.NestedStringMap(live(t, next).Object, "data"); len(got) != 1 || got["a"] != "2" {
		t.Errorf("data: got %v, want only a", got)
	}
}

func testForeign(t *testing.T, maker kubeobj.Maker) {
	t.Helper()
	o := maker.Object(configMap("foreign", map[string]string{"kubeconfig": "x"}))
	render(t, o)
	patchAs(t, maker, o, "bootstrap-signer", `{"data":{"jws-kubeconfig-abcdef":"signature"}}`)
	wantChange(t, o, sdk.OpNone, "")
	next := maker.Object(configMap("foreign", map[string]string{"kubeconfig": "y"}))
	render(t, next)
	if got, _, _ := unstructured.NestedString(live(t, next).Object, "data", "jws-kubeconfig-abcdef"); got != "signature" {
		t.Errorf("foreign key: got %q, want it untouched", got)
	}
}

func testKeep(t *testing.T, maker kubeobj.Maker) {
	t.Helper()
	keeping := func(text string) *kubeobj.Object {
		o := maker.Object(configMap("keep", map[string]string{"Corefile": text, "other": "x"}))
		o.Keep = [][]string{{"data", "Corefile"}}
		return o
	}
	render(t, keeping("one"))
	wantChange(t, keeping("two"), sdk.OpUpdate, "differs in data.Corefile") // ours to change
	render(t, keeping("two"))
	patchAs(t, maker, keeping(""), "kubectl-edit", `{"data":{"Corefile":"edited"}}`)
	wantChange(t, keeping("three"), sdk.OpNone, "")
	render(t, keeping("three"))
	if got, _, _ := unstructured.NestedString(live(t, keeping("")).Object, "data", "Corefile"); got != "edited" {
		t.Errorf("Corefile: got %q, want the edited one", got)
	}
	forced := maker.Object(configMap("keep", map[string]string{"Corefile": "forced", "other": "x"}))
	wantChange(t, forced, sdk.OpUpdate, "differs in data.Corefile")
}

func testSecret(t *testing.T, maker kubeobj.Maker) {
	t.Helper()
	secret := func(value string) *kubeobj.Object {
		return maker.Object(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "hidden"},
			Data:       map[string][]byte{"token-secret": []byte(value), "token-id": []byte("abcdef")},
		})
	}
	render(t, secret("0123456789abcdef"))
	patchAs(t, maker, secret(""), "kubectl", `{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"0123456789abcdef"}}}`)
	change := wantChange(t, secret("fedcba9876543210"), sdk.OpUpdate, "differs in data.token-secret")
	for _, leak := range []string{"MDEyMzQ1Njc4OWFiY2RlZg", "0123456789abcdef", "ZmVkY2JhOTg3NjU0MzIxMA"} {
		if strings.Contains(change.Diff, leak) {
			t.Errorf("diff leaks %q:\n%s", leak, change.Diff)
		}
	}
	for _, line := range []string{"-  token-secret: (secret, before)", "+  token-secret: (secret, changed)", "   token-id: (secret)"} {
		if !strings.Contains(change.Diff, line+"\n") {
			t.Errorf("diff has no line %q:\n%s", line, change.Diff)
		}
	}
}

// samples are objects with the traps of defaulting: ports, probes, strategies,
// selectors and subjects that a server completes.
func samples() map[string]runtime.Object {
	meta := metav1.ObjectMeta{Namespace: "kube-system", Name: "sample", Labels: map[string]string{"k8s-app": "sample"}}
	selector := &metav1.LabelSelector{MatchLabels: meta.Labels}
	pod := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels},
		Spec: corev1.PodSpec{
			ServiceAccountName: "sample",
			Containers: []corev1.Container{{
				Name: "sample", Image: "registry.k8s.io/pause:3.10.2",
				Ports:         []corev1.ContainerPort{{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}, {Name: "dns-tcp", ContainerPort: 53}},
				LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("dns-tcp")}}},
			}},
			Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "sample"}}}}},
		},
	}
	cluster := metav1.ObjectMeta{Name: "clusterflow:sample"}
	rules := []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"}
	subjects := []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: "system:nodes"}, {Kind: rbacv1.ServiceAccountKind, Namespace: "kube-system", Name: "sample"}}
	return map[string]runtime.Object{
		"configmap":          configMap("sample", map[string]string{"a": "b"}),
		"service account":    &corev1.ServiceAccount{ObjectMeta: meta},
		"secret":             &corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"a": []byte("b")}},
		"service":            &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: meta.Labels, Ports: []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}, {Name: "dns-tcp", Port: 53}}}},
		"deployment":         &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Selector: selector, Template: pod}},
		"daemonset":          &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pod}},
		"role":               &rbacv1.Role{ObjectMeta: meta, Rules: rules},
		"rolebinding":        &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects},
		"clusterrole":        &rbacv1.ClusterRole{ObjectMeta: cluster, Rules: rules},
		"clusterrolebinding": &rbacv1.ClusterRoleBinding{ObjectMeta: cluster, RoleRef: ref, Subjects: subjects},
	}
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}, Data: data}
}

func wantChange(t *testing.T, r resource.Resource, op sdk.Op, reason string) sdk.Change {
	t.Helper()
	got, err := r.Diff(t.Context())
	if err != nil {
		t.Fatalf("Diff: %v", err)
	}
	if got.Op != op || got.Reason != reason {
		t.Fatalf("Diff: got %q (%s), want %q (%s)\n%s", got.Op, got.Reason, op, reason, got.Diff)
	}
	return got
}

func render(t *testing.T, o *kubeobj.Object) {
	t.Helper()
	if err := o.Render(t.Context()); err != nil {
		t.Fatalf("Render: %v", err)
	}
}

func live(t *testing.T, o *kubeobj.Object) *unstructured.Unstructured {
	t.Helper()
	u, err := o.Live(t.Context())
	if err != nil {
		t.Fatalf("Live: %v", err)
	}
	return u
}

// patchAs changes an object as somebody else would.
func patchAs(t *testing.T, maker kubeobj.Maker, o *kubeobj.Object, manager, patch string) {
	t.Helper()
	c, err := maker.Pool.Client(maker.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	at := c.Objects(corev1.SchemeGroupVersion.WithResource(o.Resource), o.Namespace)
	if _, err := at.Patch(t.Context(), o.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager}); err != nil {
		t.Fatal(err)
	}
}
