package controlplane

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// TestDaemonSetOf shows what becomes of the static pods.
func TestDaemonSetOf(t *testing.T) {
	for _, name := range []string{apiServerName, managerName, schedulerName} {
		t.Run(name, func(t *testing.T) {
			c := onNode(name, "10.99.0.11")
			c.ExtraArgs = []component.Flag{{Name: flagPortSharing, Value: "true"}}
			m, err := c.manifest("/", onDebian, nil)
			if err != nil {
				t.Fatal(err)
			}
			d, err := daemonSet(m.Pod)
			if err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(kubeobj.Content(d))
			if err != nil {
				t.Fatal(err)
			}
			phasetest.Golden(t, "self_hosted/"+name+".yaml", string(text))
		})
	}
}

func TestDaemonSetNeedsPortSharing(t *testing.T) {
	m, err := onNode(schedulerName, "").manifest("/", onDebian, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = daemonSet(m.Pod)
	if diags := sdk.Diagnose(err); len(diags) != 1 || !strings.Contains(diags[0].Summary, "does not share its port") || !strings.Contains(diags[0].Detail, "extra_args") {
		t.Errorf("got %+v", diags)
	}
}

const hostedPath = "/apis/apps/v1/namespaces/kube-system/daemonsets/self-hosted-kube-scheduler"

// kubelet plays that of node n1, and the controller of DaemonSets, whenever the
// fake API server is asked.
type kubelet struct {
	t    *testing.T
	fake *kubeapitest.Fake
	dir  string

	mu   sync.Mutex
	sick bool // the API server is not ready without the static pod
}

func newKubelet(t *testing.T, fake *kubeapitest.Fake, dir string) *kubelet {
	t.Helper()
	k := &kubelet{t: t, fake: fake, dir: dir}
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if !k.sync() && r.URL.Path == "/readyz" {
			return apierrors.NewInternalError(errReadyz)
		}
		return nil
	})
	return k
}

// sync makes the pods what manifest and DaemonSet want, and reports health.
func (k *kubelet) sync() (healthy bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	const pods = "/api/v1/namespaces/kube-system/pods/"
	_, err := os.Stat(filepath.Join(k.dir, "manifests/kube-scheduler.yaml"))
	if err == nil {
		k.fake.Put(k.t, pods+"kube-scheduler-n1", "kubelet", pod("kube-scheduler-n1", nil))
	} else {
		k.fake.Delete(pods + "kube-scheduler-n1")
	}
	if d := k.fake.Object(hostedPath); d != nil && d.Object["status"] == nil {
		d.Object["status"] = map[string]any{
			"desiredNumberScheduled": int64(1), "updatedNumberScheduled": int64(1), "numberAvailable": int64(1),
		}
		k.fake.Put(k.t, hostedPath, "controller", d.Object)
		labels := map[string]any{labelHosted: "self-hosted-kube-scheduler"}
		k.fake.Put(k.t, pods+"self-hosted-kube-scheduler-x", "controller", pod("self-hosted-kube-scheduler-x", labels))
	}
	return err == nil || !k.sick
}

// pod is one that has been ready for years.
func pod(name string, labels map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "namespace": "kube-system", "labels": labels},
		"spec":     map[string]any{"nodeName": "n1"},
		"status": map[string]any{
			"conditions": []any{map[string]any{"type": string(corev1.PodReady), "status": "True"}},
			"containerStatuses": []any{map[string]any{
				"name": "c", "state": map[string]any{"running": map[string]any{"startedAt": "2020-01-01T00:00:00Z"}},
			}},
		},
	}
}

// writeManifest is the work of the phase static_pod.
func writeManifest(t *testing.T, dir string) (*phasetest.Phase, cty.Value) {
	t.Helper()
	writeProcessFiles(t, dir)
	values := staticPodValues(dir, schedulerName)
	values["extra_args"] = extraArgs(flagPortSharing, "true")
	phase := phasetest.New(t, staticPodSpec(), "static_pod", values)
	return phase, phase.Apply(t)["manifest"]
}

func TestSelfHosted(t *testing.T) {
	dir, fake := t.TempDir(), kubeapitest.NewFake(t)
	newKubelet(t, fake, dir)
	static, manifest := writeManifest(t, dir)
	phase := newPhase(t, fake, "self_hosted", map[string]cty.Value{"manifest": manifest, "node": cty.StringVal("n1")})
	if plan, err := phase.Plan(t); err != nil || len(plan.Changes) != 3 {
		t.Fatalf("plan: got %+v, %v", plan.Changes, err)
	}
	outputs := phase.Apply(t)
	aside := filepath.Join(dir, "self-hosted/kube-scheduler.yaml")
	if got := outputs["aside"].AsString(); got != aside {
		t.Errorf("aside: got %q, want %q", got, aside)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Error(err)
	}
	if plan := static.Want(t); !plan.Outputs.GetAttr("pod").IsNull() { // it does not come back by itself
		t.Errorf("pod: got %#v, want null", plan.Outputs.GetAttr("pod"))
	}
	values := staticPodValues(dir, schedulerName)
	values["extra_args"] = extraArgs(flagPortSharing, "true", "v", "4")
	static.Set(t, values)
	static.Apply(t)
	phase.Want(t, "update: differs in spec.template.spec.containers")
	phase.Apply(t)
	phase.Undo(t)
	if _, err := os.Stat(manifest.AsString()); err != nil {
		t.Errorf("the static pod is not back: %v", err)
	}
	if fake.Object(hostedPath) != nil || fake.Object("/api/v1/namespaces/kube-system/pods/self-hosted-kube-scheduler-x") != nil {
		t.Error("undo left the DaemonSet or its pod")
	}
	static.Want(t)
	static.Undo(t)
	if _, err := os.Stat(filepath.Dir(aside)); err == nil {
		t.Error("undo left the directory aside")
	}
}

// TestSelfHostedFallsBack brings the static pod back when the API server does not
// do well without it.
func TestSelfHostedFallsBack(t *testing.T) {
	dir, fake := t.TempDir(), kubeapitest.NewFake(t)
	newKubelet(t, fake, dir).sick = true
	_, manifest := writeManifest(t, dir)
	phase := newPhase(t, fake, "self_hosted", map[string]cty.Value{
		"manifest": manifest, "node": cty.StringVal("n1"), "within": cty.StringVal("1500ms"),
	})
	if _, err := phase.Plan(t); err != nil {
		t.Fatal(err)
	}
	result := phase.Try(t)
	if result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics[0].Summary, "/readyz: status 500") ||
		!strings.Contains(result.Diagnostics[0].Detail, "was brought back") {
		t.Errorf("got %s, %+v", result.Status, result.Diagnostics)
	}
	if _, err := os.Stat(manifest.AsString()); err != nil {
		t.Error(err)
	}
}

// TestSelfHostedStaysForOthers keeps the DaemonSet while a node without a static
// pod counts on it.
func TestSelfHostedStaysForOthers(t *testing.T) {
	dir, fake := t.TempDir(), kubeapitest.NewFake(t)
	newKubelet(t, fake, dir)
	_, manifest := writeManifest(t, dir)
	phase := newPhase(t, fake, "self_hosted", map[string]cty.Value{"manifest": manifest, "node": cty.StringVal("n1")})
	phase.Apply(t)
	other := pod("self-hosted-kube-scheduler-y", map[string]any{labelHosted: "self-hosted-kube-scheduler"})
	other["spec"] = map[string]any{"nodeName": "n2"}
	fake.Put(t, "/api/v1/namespaces/kube-system/pods/self-hosted-kube-scheduler-y", "controller", other)
	result, err := sdk.Direct(Spec()).Undo(t.Context(), sdk.UndoRequest{Type: "self_hosted", Private: phase.Private}, func(sdk.Event) {})
	if err != nil || result.Status != sdk.StatusOK || len(result.Diagnostics) != 1 || !strings.Contains(result.Diagnostics[0].Summary, "on which these nodes rely: n2") {
		t.Errorf("got %+v, %v", result, err)
	}
	if fake.Object(hostedPath) == nil {
		t.Error("undo took the DaemonSet away")
	}
}

func TestSelfHostedValidate(t *testing.T) {
	tests := map[string]struct{ name, value, want string }{
		"etcd": {"manifest", "/m/etcd.yaml", `"/m/etcd.yaml" is not the manifest of kube-apiserver,`},
		"node": {"node", "N1", `"N1" is not the name of a node`},
		"time": {"within", "0s", "must be longer than zero"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := map[string]cty.Value{
				"cluster": kubeapitest.ClusterValue("/admin.conf"), "manifest": cty.StringVal("/m/kube-apiserver.yaml"), "node": cty.StringVal("n1"),
			}
			config[tt.name] = cty.StringVal(tt.value)
			if got := phasetest.New(t, Spec(), "self_hosted", config).Validate(t); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
