// Package kubeobjtest compares Kubernetes objects with golden files.
//
// It is for tests only.
package kubeobjtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
)

// Golden compares objects with a file of YAML documents, in their order. It
// writes the file instead if the environment has UPDATE_GOLDEN.
func Golden(t *testing.T, file string, objects ...runtime.Object) {
	t.Helper()
	var got bytes.Buffer
	for i, object := range objects {
		if i > 0 {
			got.WriteString("---\n")
		}
		text, err := yaml.Marshal(kubeobj.Content(object))
		if err != nil {
			t.Fatal(err)
		}
		got.Write(text)
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (write it with UPDATE_GOLDEN=1)", err)
	}
	if diff := udiff.Unified(file, "got", string(want), got.String()); diff != "" {
		t.Errorf("objects differ from their golden file; if that is meant, rewrite it with UPDATE_GOLDEN=1\n%s", diff)
	}
}
