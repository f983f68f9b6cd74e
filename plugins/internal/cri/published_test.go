package cri

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
	"github.com/clusterflow/clusterflow/plugins/internal/subsettest"
)

// TestPublished compares every method, message, field and enum with CRI v1.
func TestPublished(t *testing.T) {
	c := subsettest.Comparison{T: t}
	file := criapi.File_clusterflow_cri_v1_cri_proto
	for i := range file.Services().Len() {
		service := file.Services().Get(i)
		for k := range service.Methods().Len() {
			our := service.Methods().Get(k)
			path := published("/" + string(service.FullName()) + "/" + string(our.Name()))
			if want := "/runtime.v1." + string(service.Name()) + "/" + string(our.Name()); path != want {
				t.Errorf("got %s, want %s", path, want)
			}
			c.Method(protoreflect.FullName("runtime.v1."+service.Name()).Append(our.Name()), our.Input(), our.Output())
		}
	}
	c.Whole(file)
	if runtimeReady != runtimeapi.RuntimeReady || networkReady != runtimeapi.NetworkReady {
		t.Errorf("conditions: got %s and %s, want %s and %s", runtimeReady, networkReady, runtimeapi.RuntimeReady, runtimeapi.NetworkReady)
	}
}
