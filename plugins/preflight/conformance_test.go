package preflight

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

func TestConformance(t *testing.T) {
	const secret = "correct horse battery staple"
	runtime := critest.New(t)
	sdktest.Run(t, Spec(),
		sdktest.Case{
			Type: "image", Config: func(dir string) map[string]any {
				return map[string]any{"image": "test.invalid/" + strings.ToLower(filepath.Base(filepath.Dir(dir))) + ":1", "cri_socket": runtime.Socket, "keep": false}
			},
			Observe: func(string) (string, error) { return strings.Join(runtime.ImageNames(), "\n"), nil },
		},
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
