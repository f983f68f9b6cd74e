//go:build e2e

package addons

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// One real API server for all addons. Nothing may differ after an apply, whatever
// the server fills in.
func TestPhasesOnRealServer(t *testing.T) {
	server := kubeapitest.New(t)
	server.StartServer(t)
	server.Await(t)
	with := func(typ string, config map[string]cty.Value) *phasetest.Phase {
		all := map[string]cty.Value{"cluster": kubeapitest.ClusterValue(server.SuperAdmin)}
		maps.Copy(all, config)
		return phasetest.New(t, Spec(), typ, all)
	}
	t.Run("coredns", func(t *testing.T) {
		phase := with("coredns", nil)
		timed(t, phase, 6)
		testKept(t, phase, newRealEditor(t, server))
		cluster := phase.Config.GetAttr("cluster")
		phase.Set(t, map[string]cty.Value{"cluster": cluster, "image_tag": cty.StringVal("v1.15.0")})
		plan := phase.Want(t, "update: differs in spec.template.spec.containers")
		if want := "+        image: registry.k8s.io/coredns/coredns:v1.15.0\n"; !strings.Contains(plan.Changes[0].Diff, want) {
			t.Errorf("diff has no %q:\n%s", want, plan.Changes[0].Diff)
		}
		phase.Apply(t)
		phase.Undo(t)
		phase.Want(t, absent(6)...)
	})
	t.Run("kube_proxy", func(t *testing.T) {
		phase := with("kube_proxy", map[string]cty.Value{"kubernetes_version": cty.StringVal("v1.36.3"), "pod_subnet": cty.StringVal("10.244.0.0/16")})
		timed(t, phase, 6)
		phase.Undo(t)
		phase.Want(t, absent(6)...)
	})
	t.Run("manifest", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "widgets.yaml")
		writeManifest(t, path, widgets)
		phase := with("manifest", map[string]cty.Value{"file": cty.StringVal(path)})
		phase.Want(t, "create: absent, as is its kind", "create: absent", "create: absent", "create: absent")
		begin := time.Now()
		phase.Apply(t)
		t.Logf("a new kind and an object of it, in the wrong order: %v", time.Since(begin))
		writeManifest(t, path, strings.Replace(widgets, "size: 3", "size: 4", 1))
		phase.Want(t, "update: differs in spec.size")
		phase.Apply(t)
		phase.Undo(t)
	})
	t.Run("manifest with a typing error", func(t *testing.T) {
		phase := with("manifest", map[string]cty.Value{"yaml": cty.StringVal("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dataa: {a: b}}")})
		begin := time.Now()
		diags := phase.Try(t).Diagnostics
		if len(diags) != 1 || !strings.Contains(diags[0].Summary, ".dataa: field not declared in schema") {
			t.Errorf("got %+v, want what the server has against it", diags)
		}
		t.Logf("refused after %v", time.Since(begin))
	})
}

func timed(t *testing.T, phase *phasetest.Phase, n int) {
	t.Helper()
	phase.Want(t, absent(n)...)
	begin := time.Now()
	if result := phase.Try(t); result.Status != sdk.StatusOK {
		t.Fatalf("apply: %+v", result.Diagnostics)
	}
	t.Logf("%d objects made in %v", n, time.Since(begin))
	begin = time.Now()
	phase.Want(t)
	t.Logf("compared in %v", time.Since(begin))
}

type realEditor struct{ client *kubeapi.Client }

func newRealEditor(t *testing.T, server *kubeapitest.Cluster) realEditor {
	t.Helper()
	pool := kubeapi.NewPool()
	t.Cleanup(pool.Close)
	client, err := pool.Client(server.SuperAdmin)
	if err != nil {
		t.Fatal(err)
	}
	return realEditor{client}
}

func (e realEditor) edit(t *testing.T, object string, value any, path ...string) {
	t.Helper()
	kind, name, _ := strings.Cut(object, "/")
	group := map[string]string{"deployments": "apps"}[kind]
	for i := len(path) - 1; i >= 0; i-- {
		value = map[string]any{path[i]: value}
	}
	patch, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	at := e.client.Objects(schema.GroupVersionResource{Group: group, Version: "v1", Resource: kind}, "kube-system")
	if _, err := at.Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
}
