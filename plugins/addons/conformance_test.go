package addons

import (
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

func TestConformance(t *testing.T) {
	fleet := kubeapitest.NewFleet(t, nil)
	sdktest.Run(t, Spec(),
		sdktest.Case{Type: "coredns", Observe: fleet.Observe, Config: func(dir string) map[string]any {
			return map[string]any{"cluster": fleet.Cluster(dir)}
		}},
		sdktest.Case{Type: "kube_proxy", Observe: fleet.Observe, Config: func(dir string) map[string]any {
			return map[string]any{"cluster": fleet.Cluster(dir), "kubernetes_version": "v1.36.3", "pod_subnet": "10.244.0.0/16"}
		}},
		sdktest.Case{
			Type: "manifest", Observe: fleet.Observe, Secrets: []string{"correct horse"},
			Config: func(dir string) map[string]any {
				return map[string]any{"cluster": fleet.Cluster(dir), "yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: greeting, namespace: default}
data: {text: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: password, namespace: default}
stringData: {password: correct horse}
`}
			},
		},
	)
}
