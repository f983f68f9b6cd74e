package controlplane

import (
	"sync"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

// TestConformance gives each directory an API server in memory, or ports of its
// own for the processes, which are fake components in this test binary.
func TestConformance(t *testing.T) {
	fleet := kubeapitest.NewFleet(t, func(f *kubeapitest.Fake) {
		f.Put(t, "/api/v1/nodes/n1", "kubelet", map[string]any{
			"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{"name": "n1", "labels": map[string]any{"kubernetes.io/hostname": "n1"}},
		})
		f.Put(t, "/api/v1/namespaces/kube-system/secrets/bootstrap-token-fedcba", "kubeadm", map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
			"metadata": map[string]any{"name": "bootstrap-token-fedcba", "namespace": "kube-system"},
		})
	})
	on := func(typ string, config map[string]any) sdktest.Case {
		return sdktest.Case{Type: typ, Observe: fleet.Observe, Config: func(dir string) map[string]any {
			out := map[string]any{"cluster": fleet.Cluster(dir)}
			for name, value := range config {
				out[name] = value
			}
			return out
		}}
	}
	const secret = "0123456789abcdef"
	random := on("token", nil)
	random.SkipUndoWithoutRecord = "only the record knows the id, which is random"
	token := on("token", map[string]any{"token": "abcdef." + secret})
	token.Name, token.Secrets = "given token", []string{secret}
	old := on("tokens", map[string]any{"delete": []any{"fedcba"}})
	old.SkipUndo = "a token that was deleted stays so"
	sdktest.Run(t, Spec(),
		sdktest.Case{Type: "wait", Observe: fleet.Observe, Config: func(dir string) map[string]any {
			f := fleet.Of(dir)
			return map[string]any{"kubeconfig": f.Admin, "super_admin_kubeconfig": f.SuperAdmin}
		}},
		on("upload_config", map[string]any{"kubernetes_version": "v1.36.3", "pod_subnet": "10.244.0.0/16"}),
		on("node_rbac", nil),
		random,
		token,
		on("cluster_info", nil),
		on("mark", map[string]any{"node": "n1"}),
		old,
		processCase(t),
		selfHostedCase(t, fleet),
		sdktest.Case{
			Type: "audit_policy",
			Config: func(dir string) map[string]any {
				return map[string]any{"path": dir + "/audit/policy.yaml", "log_dir": dir + "/log/audit"}
			},
			SkipUndoWithoutRecord: "only the record knows which directories were made",
		},
		sdktest.Case{
			Type: "static_pod", Setup: func(dir string) error { writeProcessFiles(t, dir); return nil },
			Config: func(dir string) map[string]any {
				config := map[string]any{}
				for name, value := range staticPodValues(dir, apiServerName) {
					config[name] = value
				}
				return config
			},
			SkipUndoWithoutRecord: "only the record knows which directories were made",
		},
	)
}

func processCase(t *testing.T) sdktest.Case {
	t.Helper()
	var mu sync.Mutex
	configs := map[string]map[string]any{}
	return sdktest.Case{
		Type: "process", Observe: phasetest.Processes,
		Setup: func(dir string) error { writeProcessFiles(t, dir); return nil },
		Config: func(dir string) map[string]any {
			mu.Lock()
			defer mu.Unlock()
			if configs[dir] == nil {
				configs[dir] = map[string]any{}
				for name, value := range processConfigOf(t, dir, apiServerName) {
					configs[dir][name] = value
				}
			}
			return configs[dir]
		},
		SkipUndoWithoutRecord: "only the record knows which directories were made",
		// TestProcessAttach in sdk/resource takes over an interrupted start.
		SkipKill: "the process outlives a killed plugin and goes on writing its files, so the host changes by itself",
	}
}

// selfHostedCase begins with a static pod. Each directory has a kubelet of its own.
func selfHostedCase(t *testing.T, fleet *kubeapitest.Fleet) sdktest.Case {
	t.Helper()
	var mu sync.Mutex
	kubelets := map[string]*kubelet{}
	of := func(dir string) *kubelet {
		mu.Lock()
		defer mu.Unlock()
		if kubelets[dir] == nil {
			kubelets[dir] = newKubelet(t, fleet.Of(dir), dir)
		}
		return kubelets[dir]
	}
	return sdktest.Case{
		Type:  "self_hosted",
		Setup: func(dir string) error { writeManifest(t, dir); return nil },
		Config: func(dir string) map[string]any {
			of(dir)
			return map[string]any{"cluster": fleet.Cluster(dir), "manifest": dir + "/manifests/kube-scheduler.yaml", "node": "n1"}
		},
		Observe: func(dir string) (string, error) {
			of(dir).sync()
			return fleet.Observe(dir)
		},
	}
}
