package core

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

func TestConformance(t *testing.T) {
	const secret = "correct horse battery staple"
	sdktest.Run(t, Spec(),
		sdktest.Case{Type: "file", Config: func(dir string) map[string]any {
			return map[string]any{"path": filepath.Join(dir, "f"), "content": "hello\n"}
		}},
		sdktest.Case{
			Name: "secret file", Type: "file", Secrets: []string{secret}, SecretFiles: []string{"f"},
			Config: func(dir string) map[string]any {
				return map[string]any{"path": filepath.Join(dir, "f"), "secret_content": secret + "\n"}
			},
		},
		sdktest.Case{
			Name: "copied file", Type: "file",
			Setup: func(dir string) error { return os.WriteFile(filepath.Join(dir, "source"), []byte("hello\n"), 0o600) },
			Config: func(dir string) map[string]any {
				return map[string]any{"path": filepath.Join(dir, "f"), "source": filepath.Join(dir, "source")}
			},
		},
		sdktest.Case{
			Name: "deep file", Type: "file",
			Config: func(dir string) map[string]any {
				return map[string]any{"path": filepath.Join(dir, "a", "b", "f"), "content": "hello\n"}
			},
			SkipUndoWithoutRecord: "only the record knows which directories were made",
		},
		sdktest.Case{Type: "dir", Config: func(dir string) map[string]any {
			return map[string]any{"path": filepath.Join(dir, "d"), "mode": "0700"}
		}},
		sdktest.Case{Type: "ports", Config: func(string) map[string]any {
			return map[string]any{"prefer": map[string]int{"a": 0, "b": 0}}
		}},
		sdktest.Case{
			Type: "exec", Secrets: []string{secret},
			Config: func(string) map[string]any {
				return map[string]any{
					"command": []string{"sh", "-c", "cat >/dev/null; echo $TOKEN | wc -c"},
					"stdin":   secret, "secret_env": map[string]string{"TOKEN": secret},
				}
			},
		},
		sdktest.Case{
			Name: "exec with undo", Type: "exec",
			Config: func(dir string) map[string]any {
				path := filepath.Join(dir, "f")
				return map[string]any{"command": []string{"touch", path}, "undo": []string{"rm", "-f", path}, "creates": path}
			},
		},
		sdktest.Case{
			Name: "exec with a secret", Type: "exec", Secrets: []string{secret},
			Config: func(string) map[string]any {
				return map[string]any{"command": []string{"cat"}, "stdin": secret, "sensitive_output": true}
			},
			SkipUnchanged: "its output is kept nowhere",
		},
	)
}
