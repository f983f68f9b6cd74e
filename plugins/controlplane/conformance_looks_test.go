package controlplane

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

// TestConformanceOfLooks is for the types that find out what a cluster is. Each
// directory has a cluster of its own with one node.
func TestConformanceOfLooks(t *testing.T) {
	var mu sync.Mutex
	pins := map[string]string{} // by server
	fleet := kubeapitest.NewFleet(t, func(f *kubeapitest.Fake) {
		pin := publish(t, f)
		mu.Lock()
		defer mu.Unlock()
		pins[f.Server] = pin
		store(t, f, storedCluster)
		putNode(t, f, "True", "")
	})
	looks := func(typ string, config func(dir string) map[string]any) sdktest.Case {
		return sdktest.Case{Type: typ, OnlyLooks: true, Observe: fleet.Observe, Config: config}
	}
	discovery := looks("discovery", func(dir string) map[string]any {
		f := fleet.Of(dir)
		mu.Lock()
		defer mu.Unlock()
		return map[string]any{
			"endpoint": strings.TrimPrefix(f.Server, "https://"), "token": joinToken, "ca_pins": []any{pins[f.Server]},
			"kubeconfig": filepath.Join(dir, "kubelet.conf"),
		}
	})
	discovery.Secrets = []string{testToken16}
	sdktest.Run(t, Spec(),
		discovery,
		looks("cluster_config", func(dir string) map[string]any { return map[string]any{"cluster": fleet.Cluster(dir)} }),
		looks("node_ready", func(dir string) map[string]any { return map[string]any{"cluster": fleet.Cluster(dir), "node": "n2"} }),
	)
}
