// Package kubeobjtest compares Kubernetes objects with golden files.
//
// It is for tests only.
package kubeobjtest

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// Golden compares objects with testdata/name, YAML documents in their order. With
// UPDATE_GOLDEN set it writes the file instead.
func Golden(t *testing.T, name string, objects ...runtime.Object) {
	t.Helper()
	documents := make([]string, len(objects))
	for i, object := range objects {
		text, err := yaml.Marshal(kubeobj.Content(object))
		if err != nil {
			t.Fatal(err)
		}
		documents[i] = string(text)
	}
	phasetest.Golden(t, name, strings.Join(documents, "---\n"))
}
