package preflight

import (
	"testing"

	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

func TestConformance(t *testing.T) {
	const secret = "correct horse battery staple"
	sdktest.Run(t, Spec(),
		sdktest.Case{Type: "host", Config: func(dir string) map[string]any {
			return map[string]any{
				"role": "embedded", "minimum_cpu": 1, "minimum_memory_mb": 1, "minimum_disk_mb": 0,
				"directory": dir, "binaries": []string{"sh"},
			}
		}},
		sdktest.Case{Type: "script", Secrets: []string{secret}, Config: func(string) map[string]any {
			return map[string]any{
				"command": []string{"sh", "-c", "echo look; exit 2"}, "secret_env": map[string]string{"TOKEN": secret},
			}
		}},
	)
}
