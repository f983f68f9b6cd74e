package controlplane

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	runtimev1 "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod/staticpodtest"
	"github.com/clusterflow/clusterflow/sdk"
)

const bindingPath = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:cluster-admins"

func waitFor(t *testing.T, fake *kubeapitest.Fake, config map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	all := map[string]cty.Value{"kubeconfig": cty.StringVal(fake.Admin), "super_admin_kubeconfig": cty.StringVal(fake.SuperAdmin)}
	for k, v := range config {
		all[k] = v
	}
	return phasetest.New(t, Spec(), "wait", all)
}

// onlyAfterBinding refuses the administrator until the binding is there, and the
// first answers after that, as a server does that has not noticed yet.
func onlyAfterBinding(fake *kubeapitest.Fake, lag int32) {
	var left atomic.Int32
	left.Store(lag)
	fake.Answer(func(user string, r *http.Request) *apierrors.StatusError {
		isHealth := !strings.HasPrefix(r.URL.Path, "/api")
		if isHealth || user != "kubernetes-admin" || (fake.Object(bindingPath) != nil && left.Add(-1) < 0) {
			return nil
		}
		return apierrors.NewForbidden(schema.GroupResource{Group: rbacv1.GroupName, Resource: "clusterrolebindings"}, "kubeadm:cluster-admins", nil)
	})
}

func TestWait(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	onlyAfterBinding(fake, 2)
	manager := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer manager.Close()
	phase := waitFor(t, fake, map[string]cty.Value{"components": components("kube-controller-manager", manager.URL+"/healthz")})
	phase.Want(t, "create: absent: the administrator has no rights yet")
	cluster := phase.Apply(t)["cluster"].AsValueMap()
	if got := cluster["kubeconfig"].AsString(); got != fake.Admin {
		t.Errorf("kubeconfig: got %q, want %q", got, fake.Admin)
	}
	if got := cluster["server"].AsString(); got != fake.Server {
		t.Errorf("server: got %q, want %q", got, fake.Server)
	}
	if got := cluster["ca_pin"].AsString(); !strings.HasPrefix(got, "sha256:") || len(got) != 7+64 {
		t.Errorf("ca_pin: got %q", got)
	}
	phase.Undo(t)
	if fake.Object(bindingPath) != nil {
		t.Error("undo left the binding")
	}
}

func TestWaitForNoRights(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	onlyAfterBinding(fake, 0)
	b := adminBinding{Admin: fake.Admin, pool: newPool(t), within: time.Second}
	err := b.Render(t.Context())
	if diags := sdk.Diagnose(err); len(diags) != 1 || !strings.Contains(diags[0].Detail, "Set super_admin_kubeconfig") {
		t.Errorf("got %+v, want advice about super_admin_kubeconfig", diags)
	}
	if err := b.Remove(t.Context()); err != nil {
		t.Errorf("Remove of what may not be seen: got %v, want nothing to do", err)
	}
}

// TestAdminBindingOfServerThatStops plans while the API server stops, as it does
// when its manifest has changed.
func TestAdminBindingOfServerThatStops(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	asked := 0
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if r.URL.Path != bindingPath {
			return nil
		}
		if asked++; asked > 1 {
			return apierrors.NewServiceUnavailable("shutting down")
		}
		return nil
	})
	b := adminBinding{Admin: fake.Admin, pool: newPool(t), within: time.Second}
	fake.Put(t, bindingPath, "test", map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": map[string]any{"name": "kubeadm:cluster-admins"},
	})
	change, err := b.Diff(t.Context())
	if err != nil || change.Op != sdk.OpCreate || !strings.Contains(change.Reason, "does not answer") {
		t.Errorf("got %+v, %v; want a change, as the server does not answer", change, err)
	}
}

func TestWaitTellsWhatIsDown(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	down := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("[+]ping ok\n[-]leaderElection failed: reason withheld\n"))
	}))
	defer down.Close()
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if r.URL.Path == "/readyz" {
			return apierrors.NewInternalError(errReadyz)
		}
		return nil
	})
	phase := waitFor(t, fake, map[string]cty.Value{"components": components("kube-scheduler", down.URL+"/livez"), "within": cty.StringVal("1s")})
	plan, err := phase.Plan(t)
	if err != nil {
		t.Fatal(err)
	}
	want := "kube-apiserver: /readyz: status 500; kube-scheduler: get " + down.URL + "/livez: 500 Internal Server Error: leaderElection"
	if got := plan.Changes[0]; got.Op != sdk.OpRun || got.Reason != want {
		t.Errorf("plan: got %s %q, want run %q", got.Op, got.Reason, want)
	}
	diags := phase.Try(t).Diagnostics
	if len(diags) != 2 {
		t.Fatalf("got %+v, want one problem for each component", diags)
	}
	for i, want := range []string{
		"wait for kube-apiserver: timed out after 1s; last answer: /readyz: status 500",
		"wait for kube-scheduler: timed out after 1s; last answer: get " + down.URL + "/livez: 500 Internal Server Error: leaderElection",
	} {
		if diags[i].Summary != want || !strings.Contains(diags[i].Detail, "Read the log of kube-") {
			t.Errorf("got %q (%s), want %q", diags[i].Summary, diags[i].Detail, want)
		}
	}
}

// TestWaitForNewPods answers for its health all the time, as an old pod does until
// the kubelet stops it: only the new one counts.
func TestWaitForNewPods(t *testing.T) {
	fake, runtime := kubeapitest.NewFake(t), staticpodtest.NewRuntime(t)
	manager := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer manager.Close()
	pod := func(name string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "digest": cty.StringVal("new")})
	}
	phase := waitFor(t, fake, map[string]cty.Value{
		"components": components(managerName, manager.URL+"/healthz"), "cri_socket": cty.StringVal(runtime.Socket),
		"pods": cty.TupleVal([]cty.Value{pod(apiServerName), pod(managerName), pod("etcd")}),
	})
	running := runtimev1.ContainerState_CONTAINER_RUNNING
	runtime.Add(apiServerName, "new", running)
	runtime.Add(managerName, "old", running)
	phase.Want(t, "run: kube-controller-manager: a pod of an older manifest still runs; etcd: the kubelet has not started its pod yet", "create: absent")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(300 * time.Millisecond) // while the phase waits
		defer tick.Stop()
		<-tick.C
		runtime.Set(apiServerName, "new", running)
		runtime.Add(managerName, "new", running)
		runtime.Add("etcd", "new", running)
	}()
	phase.Apply(t)
	<-ended
	runtime.Set(apiServerName, "newer", running)
	runtime.Add(managerName, "new", running)
	runtime.Add("etcd", "new", running)
	phase.Want(t, "run: kube-apiserver: a pod of an older manifest still runs")
}

// A missing kubeconfig is nothing to plan with, and nothing to wait for.
func TestWaitWithoutKubeconfig(t *testing.T) {
	phase := phasetest.New(t, Spec(), "wait", map[string]cty.Value{"kubeconfig": cty.StringVal("/nonexistent/admin.conf")})
	phase.Want(t, "run: kube-apiserver: no kubeconfig: /nonexistent/admin.conf", "create: the API server does not answer yet")
	if diags := phase.Try(t).Diagnostics; len(diags) == 0 || !strings.Contains(diags[0].Summary, "no kubeconfig: /nonexistent/admin.conf") {
		t.Errorf("got %+v, want the missing file", diags)
	}
	phase.Undo(t)
}

func TestFailing(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"two of three": {"[+]ping ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed: reason withheld\nreadyz check failed\n", ", failing: etcd, informer-sync"},
		"none":         {"ok", ""},
		"empty":        {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := failing(tt.body); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func components(name, url string) cty.Value {
	return cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "url": cty.StringVal(url)})})
}
