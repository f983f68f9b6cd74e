package controlplane

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zclconf/go-cty/cty"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// member puts a node into a cluster.
func member(t *testing.T, fake *kubeapitest.Fake, name string, labels map[string]any) {
	t.Helper()
	fake.Put(t, "/api/v1/nodes/"+name, "kubelet", map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": name, "labels": labels},
	})
}

func controlPlane() map[string]any { return map[string]any{controlPlaneRole: ""} }

// podOnNode puts a pod on n1.
func podOnNode(t *testing.T, fake *kubeapitest.Fake, name, owner string, more map[string]any) {
	t.Helper()
	meta := map[string]any{"name": name, "namespace": "default", "uid": name}
	if owner != "" {
		meta["ownerReferences"] = []any{map[string]any{"apiVersion": "apps/v1", "kind": owner, "name": "x", "uid": "x", "controller": true}}
	}
	for key, value := range more {
		meta[key] = value
	}
	fake.Put(t, "/api/v1/namespaces/default/pods/"+name, "scheduler", map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": map[string]any{"nodeName": "n1"},
	})
}

func leaving(t *testing.T, kubeconfig, typ, within string) *phasetest.Phase {
	t.Helper()
	values := map[string]cty.Value{"node": cty.StringVal("n1"), "kubeconfig": cty.StringVal(kubeconfig)}
	if within != "" {
		values["within"] = cty.StringVal(within)
	}
	return phasetest.New(t, Spec(), typ, values)
}

func TestNoNode(t *testing.T) {
	tests := map[string]struct {
		nodes map[string]map[string]any
		plan  []string
		warns string
	}{
		"one of two":             {map[string]map[string]any{"n1": nil, "n2": nil}, []string{"delete: "}, ""},
		"one control plane":      {map[string]map[string]any{"n1": controlPlane(), "n2": controlPlane()}, []string{"delete: "}, ""},
		"the last control plane": {map[string]map[string]any{"n1": controlPlane(), "n2": nil}, nil, "the cluster ends with n1: it is the last control-plane node, and 1 others"},
		"the last":               {map[string]map[string]any{"n1": nil}, nil, "the cluster ends with n1: it is the last node"},
		"gone already":           {map[string]map[string]any{"n2": nil}, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake := kubeapitest.NewFake(t)
			for node, labels := range tt.nodes {
				member(t, fake, node, labels)
			}
			phase := leaving(t, fake.Admin, "no_node", "")
			plan := phase.Want(t, tt.plan...)
			if !strings.Contains(warnings(plan.Diagnostics), tt.warns) || tt.warns == "" && len(plan.Diagnostics) > 0 {
				t.Errorf("got %v, want a warning %q", plan.Diagnostics, tt.warns)
			}
			phase.Apply(t)
			if there := fake.Object("/api/v1/nodes/n1") != nil; there != (tt.warns != "") {
				t.Errorf("the node is there: %t", there)
			}
		})
	}
}

// TestNoNodeUnasked tells an administrator what to do.
func TestNoNodeUnasked(t *testing.T) {
	for name, kubeconfig := range map[string]string{"worker": filepath.Join(t.TempDir(), "admin.conf"), "broken": broken(t)} {
		t.Run(name, func(t *testing.T) {
			plan := leaving(t, kubeconfig, "no_node", "").Want(t)
			if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Detail, "kubectl delete node n1") {
				t.Errorf("got %v, want a warning with the command", plan.Diagnostics)
			}
		})
	}
}

// broken is a kubeconfig whose server refuses.
func broken(t *testing.T) string {
	t.Helper()
	fake := kubeapitest.NewFake(t)
	fake.Answer(func(string, *http.Request) *apierrors.StatusError { return apierrors.NewUnauthorized("expired") })
	return fake.Admin
}

// TestDrain evicts what could be elsewhere, once the budget allows it.
func TestDrain(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	member(t, fake, "n1", nil)
	member(t, fake, "n2", nil)
	podOnNode(t, fake, "web", "ReplicaSet", nil)
	podOnNode(t, fake, "lone", "", nil)
	podOnNode(t, fake, "proxy", "DaemonSet", nil)
	podOnNode(t, fake, "static", "Node", map[string]any{"annotations": map[string]any{"kubernetes.io/config.mirror": "x"}})
	var asked atomic.Int32
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if strings.HasSuffix(r.URL.Path, "/web/eviction") && asked.Add(1) == 1 {
			return apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 1)
		}
		return nil
	})
	phase := leaving(t, fake.Admin, "drain", "10s")
	phase.Want(t, "delete: evicted; it has no controller, so nobody makes it anew", "delete: evicted; its controller makes it anew elsewhere")
	phase.Apply(t)
	for name, want := range map[string]bool{"web": false, "lone": false, "proxy": true, "static": true} {
		if got := fake.Object("/api/v1/namespaces/default/pods/"+name) != nil; got != want {
			t.Errorf("%s is there: %t, want %t", name, got, want)
		}
	}
	if spec := fake.Object("/api/v1/nodes/n1").Object["spec"]; spec == nil {
		t.Error("the node still takes pods")
	}
	phase.Want(t)
}

// TestDrainRefused gives up after the time, and says what held it up.
func TestDrainRefused(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	member(t, fake, "n1", nil)
	member(t, fake, "n2", nil)
	podOnNode(t, fake, "web", "ReplicaSet", nil)
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if strings.HasSuffix(r.URL.Path, "/eviction") {
			return apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
		}
		return nil
	})
	result := leaving(t, fake.Admin, "drain", "100ms").Try(t)
	if result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics.Error(), "disruption budget") {
		t.Errorf("got %s, %v", result.Status, result.Diagnostics)
	}
	if fake.Object("/api/v1/namespaces/default/pods/web") == nil {
		t.Error("the pod is gone")
	}
}

// TestDrainOfTheLast evicts nothing: there is nowhere to go.
func TestDrainOfTheLast(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	member(t, fake, "n1", controlPlane())
	podOnNode(t, fake, "web", "ReplicaSet", nil)
	leaving(t, fake.Admin, "drain", "").Want(t)
}

func warnings(diags sdk.Diagnostics) string {
	var all []string
	for _, d := range diags {
		all = append(all, d.Summary)
	}
	return strings.Join(all, "; ")
}
