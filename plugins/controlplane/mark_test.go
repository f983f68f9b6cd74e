package controlplane

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

const nodePath = "/api/v1/nodes/n1"

// testMark marks a registered node that has a label and a taint of its own. It
// runs against the fake, and against a real server in the e2e tests.
func testMark(t *testing.T, phase *phasetest.Phase, node func() (labels map[string]string, taints []any)) {
	t.Helper()
	before, taintsBefore := node()
	phase.Want(t, "create: absent", "create: absent", "create: absent")
	phase.Apply(t)
	labels, taints := node()
	for _, key := range []string{"node-role.kubernetes.io/control-plane", "node.kubernetes.io/exclude-from-external-load-balancers"} {
		if value, ok := labels[key]; !ok || value != "" {
			t.Errorf("label %s: got %q, %v, want it empty", key, value, ok)
		}
	}
	want := append([]any{map[string]any{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}}, taintsBefore...)
	if diff := cmp.Diff(want, taints); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
	phase.Undo(t)
	labels, taints = node()
	if diff := cmp.Diff(before, labels); diff != "" {
		t.Errorf("labels after undo (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(taintsBefore, taints); diff != "" {
		t.Errorf("taints after undo (-want +got):\n%s", diff)
	}
}

func TestMark(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	fake.Put(t, nodePath, "kubelet", registeredNode())
	testMark(t, newPhase(t, fake, "mark", map[string]cty.Value{"node": cty.StringVal("n1")}), func() (map[string]string, []any) {
		node := fake.Object(nodePath)
		taints, _, _ := unstructured.NestedSlice(node.Object, "spec", "taints")
		return node.GetLabels(), taints
	})
}

func TestMarkWithoutNode(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	phase := newPhase(t, fake, "mark", map[string]cty.Value{
		"node": cty.StringVal("n1"), "within": cty.StringVal("50ms"), "taints": cty.EmptyTupleVal,
		"labels": cty.MapVal(map[string]cty.Value{"rack": cty.StringVal("7")}),
	})
	phase.Want(t, "create: the node has not registered yet")
	result := phase.Try(t)
	if len(result.Diagnostics) == 0 || result.Diagnostics[0].Detail == "" {
		t.Errorf("got %+v, want a failure with advice", result)
	}
	phase.Undo(t) // a node that is gone has no marks

	node := registeredNode()
	node["metadata"].(map[string]any)["labels"].(map[string]any)["rack"] = "6"
	fake.Put(t, nodePath, "kubelet", node)
	phase.Want(t, `update: value "6", want "7"`)
	phase.Apply(t)
}

// Annotations and labels of the same name do not get into each other's way.
func TestMarkAnnotations(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	node := registeredNode()
	node["metadata"].(map[string]any)["annotations"] = map[string]any{"kept": "as it is", "Example.com/Rack": "6"}
	fake.Put(t, nodePath, "kubelet", node)
	notes := cty.MapVal(map[string]cty.Value{"Example.com/Rack": cty.StringVal("7, or so"), "rack": cty.StringVal("8")})
	phase := newPhase(t, fake, "mark", map[string]cty.Value{
		"node": cty.StringVal("n1"), "taints": cty.EmptyTupleVal, "annotations": notes,
		"labels": cty.MapVal(map[string]cty.Value{"rack": cty.StringVal("7")}),
	})
	phase.Want(t, "create: absent", `update: value "6", want "7, or so"`, "create: absent")
	phase.Apply(t)
	got := fake.Object(nodePath)
	if diff := cmp.Diff(map[string]string{"kept": "as it is", "Example.com/Rack": "7, or so", "rack": "8"}, got.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"kubernetes.io/hostname": "n1", "rack": "7"}, got.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	phase.Undo(t)
	if diff := cmp.Diff(map[string]string{"kept": "as it is", "Example.com/Rack": "7, or so"}, fake.Object(nodePath).GetAnnotations()); diff != "" {
		t.Errorf("annotations after undo (-want +got):\n%s", diff)
	}
}

func registeredNode() map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": "n1", "labels": map[string]any{"kubernetes.io/hostname": "n1"}},
		"spec":     map[string]any{"taints": []any{map[string]any{"key": "site", "value": "a", "effect": "PreferNoSchedule"}}},
	}
}
