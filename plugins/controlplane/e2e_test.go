//go:build e2e

package controlplane

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// One real API server for all phases, in the order of a bootstrap.
func TestPhasesOnRealServer(t *testing.T) {
	server := kubeapitest.New(t)
	wait := phasetest.New(t, Spec(), "wait", map[string]cty.Value{
		"kubeconfig": cty.StringVal(server.Admin), "super_admin_kubeconfig": cty.StringVal(server.SuperAdmin),
	})
	if plan, err := wait.Plan(t); err != nil || len(plan.Changes) != 2 {
		t.Fatalf("plan before the server runs: got %+v, %v", plan, err)
	}
	begin := time.Now()
	server.StartServer(t)
	cluster := wait.Apply(t)["cluster"]
	t.Logf("wait: %v from the start of etcd and kube-apiserver", time.Since(begin))

	with := func(typ string, config map[string]cty.Value) *phasetest.Phase {
		all := map[string]cty.Value{"cluster": cluster}
		for k, v := range config {
			all[k] = v
		}
		return phasetest.New(t, Spec(), typ, all)
	}
	t.Run("upload_config", func(t *testing.T) {
		phase := with("upload_config", map[string]cty.Value{"kubernetes_version": cty.StringVal("v1.36.3")})
		testRounds(t, phase, 6)
		phase.Apply(t)
		phase.Set(t, map[string]cty.Value{"cluster": cluster, "kubernetes_version": cty.StringVal("v1.36.4")})
		plan := phase.Want(t, "update: differs in data.ClusterConfiguration")
		if want := "-    kubernetesVersion: v1.36.3\n+    kubernetesVersion: v1.36.4\n"; !strings.Contains(plan.Changes[0].Diff, want) {
			t.Errorf("diff has no\n%s:\n%s", want, plan.Changes[0].Diff)
		}
		phase.Apply(t)
	})
	t.Run("node_rbac", func(t *testing.T) { testRounds(t, with("node_rbac", nil), 6) })
	t.Run("token", func(t *testing.T) { testToken(t, with("token", map[string]cty.Value{"ttl": cty.StringVal("1h")})) })
	t.Run("mark", func(t *testing.T) { testMarkOnRealServer(t, server, with) })
	t.Run("cluster_info", func(t *testing.T) { testSignatureOnRealServer(t, server, with) })
	t.Run("expired token", func(t *testing.T) { testCleanedToken(t, with) })

	wait.Undo(t) // takes the administrator's rights away
	wait.Undo(t)
}

// withCluster configures a phase that takes the cluster.
type withCluster = func(typ string, config map[string]cty.Value) *phasetest.Phase

// testRounds makes n objects, finds nothing to do, and removes them again.
func testRounds(t *testing.T, phase *phasetest.Phase, n int) {
	t.Helper()
	absent := make([]string, n)
	for i := range absent {
		absent[i] = "create: absent"
	}
	phase.Want(t, absent...)
	begin := time.Now()
	if result := phase.Try(t); result.Status != sdk.StatusOK {
		t.Fatalf("apply: %+v", result.Diagnostics)
	}
	t.Logf("%d objects made in %v", n, time.Since(begin))
	begin = time.Now()
	phase.Want(t)
	t.Logf("compared in %v", time.Since(begin))
	phase.Undo(t)
	phase.Want(t, absent...)
}

// The controller manager signs cluster-info; then anybody may read it, and a new
// server address needs a new signature.
func testSignatureOnRealServer(t *testing.T, server *kubeapitest.Cluster, with withCluster) {
	t.Helper()
	server.StartManager(t, "bootstrapsigner,tokencleaner")
	token := with("token", nil)
	id := token.Apply(t)["id"]
	phase := with("cluster_info", map[string]cty.Value{"token_id": id})
	begin := time.Now()
	out := phase.Apply(t)
	t.Logf("signed after %v", time.Since(begin))
	if got := out["server"].AsString(); got != server.Server {
		t.Errorf("server: got %q, want %q", got, server.Server)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.Server+infoPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var info corev1.ConfigMap
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil || info.Data["jws-kubeconfig-"+id.AsString()] == "" {
		t.Errorf("cluster-info as anybody sees it: got %+v, %v", info.Data, err)
	}
	testAnotherAddress(t, server, phase, id)
	token.Undo(t)
	phase.Undo(t)
}

// A cluster that is reached by another name needs a new signature.
func testAnotherAddress(t *testing.T, server *kubeapitest.Cluster, phase *phasetest.Phase, id cty.Value) {
	t.Helper()
	text, err := os.ReadFile(server.Admin)
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "admin.conf")
	if err := os.WriteFile(moved, bytes.ReplaceAll(text, []byte("https://127.0.0.1"), []byte("https://localhost")), 0o600); err != nil {
		t.Fatal(err)
	}
	phase.Set(t, map[string]cty.Value{"cluster": kubeapitest.ClusterValue(moved), "token_id": id})
	phase.Want(t, "update: differs in data.kubeconfig", "run: the signature is of another text or token, a new one is due")
	if got := phase.Apply(t)["server"].AsString(); !strings.HasPrefix(got, "https://localhost:") {
		t.Errorf("server: got %q, want the other name", got)
	}
}

// The controller manager deletes tokens that have expired; the next apply makes
// another one.
func testCleanedToken(t *testing.T, with withCluster) {
	t.Helper()
	phase := with("token", map[string]cty.Value{"ttl": cty.StringVal("2s")})
	phase.Want(t, "create: absent")
	phase.Try(t)
	err := kubeapi.Retry(t.Context(), time.Minute, func(context.Context) error {
		plan, err := phase.Plan(t)
		if err == nil && len(plan.Changes) == 0 {
			err = errors.New("still valid")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if result := phase.Try(t); result.Status != sdk.StatusOK {
		t.Errorf("another token: %+v", result.Diagnostics)
	}
	phase.Undo(t)
}

func testMarkOnRealServer(t *testing.T, server *kubeapitest.Cluster, with withCluster) {
	t.Helper()
	client, err := newPool(t).Client(server.Admin)
	if err != nil {
		t.Fatal(err)
	}
	nodes := client.Objects(corev1.SchemeGroupVersion.WithResource("nodes"), "")
	if _, err := nodes.Create(t.Context(), &unstructured.Unstructured{Object: registeredNode()}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The server taints every new node; a test wants to know of its own taint only.
	err = kubeapi.Retry(t.Context(), 10*time.Second, func(ctx context.Context) error {
		node, err := nodes.Get(ctx, "n1", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := unstructured.SetNestedField(node.Object, registeredNode()["spec"], "spec"); err != nil {
			return err
		}
		_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	testMark(t, with("mark", map[string]cty.Value{"node": cty.StringVal("n1")}), func() (map[string]string, []any) {
		node, err := nodes.Get(t.Context(), "n1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		taints, _, _ := unstructured.NestedSlice(node.Object, "spec", "taints")
		return node.GetLabels(), taints
	})
}
