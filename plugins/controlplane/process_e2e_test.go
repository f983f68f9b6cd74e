//go:build e2e

package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// TestRealProcesses starts the real components all at once, and the API server
// after those that need it.
func TestRealProcesses(t *testing.T) {
	dir := t.TempDir()
	writeProcessFiles(t, dir)
	etcd := startRealEtcd(t, dir)
	phases := map[string]*phasetest.Phase{}
	for _, name := range []string{managerName, schedulerName, apiServerName} {
		values := processConfigOf(t, dir, name)
		values["binary"] = cty.StringVal(phasetest.Program(t, name))
		if name == apiServerName {
			values["etcd"] = cty.ObjectVal(map[string]cty.Value{"endpoints": cty.TupleVal([]cty.Value{cty.StringVal(etcd)})})
		}
		phases[name] = phasetest.New(t, processSpec(), "process", values)
		undoProcessAtEnd(t, phases[name])
	}
	writeRealKubeconfig(t, dir, phases[apiServerName].Config.GetAttr("secure_port"))
	begin := time.Now()
	for _, name := range []string{managerName, schedulerName} {
		phases[name].Want(t, "create: not running")
		if result := phases[name].Try(t); result.Status != sdk.StatusOK {
			t.Fatalf("%s without an API server: %v", name, result.Diagnostics)
		}
		t.Logf("%s is ready after %s", name, time.Since(begin))
	}
	begin = time.Now()
	phases[apiServerName].Apply(t)
	t.Logf("%s is ready after %s", apiServerName, time.Since(begin))
	for _, phase := range phases {
		phase.Want(t)
	}
	var group sync.WaitGroup
	begin = time.Now()
	for _, phase := range phases {
		group.Go(func() { phase.Undo(t) })
	}
	group.Wait()
	t.Logf("all are gone after %s", time.Since(begin))
}

// startRealEtcd starts an etcd without TLS and returns its URL.
func startRealEtcd(t *testing.T, dir string) string {
	t.Helper()
	ports := phasetest.FreePorts(t, 2)
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	etcd := &resource.Process{
		Name: "etcd", LogFile: filepath.Join(dir, "etcd.log"),
		Argv: []string{
			phasetest.Program(t, "etcd"), "--data-dir=" + filepath.Join(dir, "etcd"),
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
		},
	}
	t.Cleanup(func() { _ = etcd.Remove(context.WithoutCancel(t.Context())) })
	if err := etcd.Render(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client
}

// writeRealKubeconfig gives the components the rights of an administrator.
func writeRealKubeconfig(t *testing.T, dir string, port cty.Value) {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, "pki", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	data, err := kubeconfig.Config{
		Cluster: "kubernetes", Server: "https://127.0.0.1:" + port.AsBigFloat().Text('f', 0), CA: read("ca.crt"),
		User: "components", ClientCert: read("apiserver-kubelet-client.crt"), ClientKey: read("apiserver-kubelet-client.key"),
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kube.conf"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
