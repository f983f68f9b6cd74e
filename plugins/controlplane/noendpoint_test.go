package controlplane

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/zclconf/go-cty/cty"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// apiServerRuntime runs an API server, has run another, and runs a pod of that name
// that is not the cluster's.
func apiServerRuntime(t *testing.T) *critest.Runtime {
	t.Helper()
	r := critest.New(t)
	add := func(id, namespace string, state runtimeapi.ContainerState) {
		r.Set(func(s *critest.State) {
			s.Containers = append(s.Containers, critest.Container{SandboxID: id, Status: &runtimeapi.ContainerStatus{
				Id: id, Metadata: &runtimeapi.ContainerMetadata{Name: apiServerName}, State: state,
				Labels: map[string]string{cri.LabelNamespace: namespace, cri.LabelContainer: apiServerName, cri.LabelPod: apiServerName + "-n1"},
			}})
		})
	}
	add("running", systemNamespace, runtimeapi.ContainerState_CONTAINER_RUNNING)
	add("exited", systemNamespace, runtimeapi.ContainerState_CONTAINER_EXITED)
	add("other", "default", runtimeapi.ContainerState_CONTAINER_RUNNING)
	return r
}

// TestNoEndpoint ends an API server while another one can take over.
func TestNoEndpoint(t *testing.T) {
	tests := map[string]struct {
		nodes map[string]map[string]any
		ends  bool
	}{
		"of two":                 {map[string]map[string]any{"n1": controlPlane(), "n2": controlPlane()}, true},
		"whose node is gone":     {map[string]map[string]any{"n2": controlPlane()}, true},
		"the last control plane": {map[string]map[string]any{"n1": controlPlane(), "n2": nil}, false},
		"the last":               {map[string]map[string]any{"n1": controlPlane()}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake, r := kubeapitest.NewFake(t), apiServerRuntime(t)
			for node, labels := range tt.nodes {
				member(t, fake, node, labels)
			}
			phase := noEndpoint(t, fake.Admin, r)
			var calls []string
			if tt.ends {
				phase.Want(t, "delete: its clients go to other API servers")
				calls = []string{"StopContainer running"}
			} else {
				phase.Want(t)
			}
			phase.Apply(t)
			if got := r.Calls(); !slices.Equal(got, calls) {
				t.Errorf("got calls %q, want %q", got, calls)
			}
		})
	}
}

// TestNoEndpointUnasked leaves alone what may be the last one.
func TestNoEndpointUnasked(t *testing.T) {
	r := apiServerRuntime(t)
	noEndpoint(t, filepath.Join(t.TempDir(), "admin.conf"), r).Want(t)
	noEndpoint(t, broken(t), r).Want(t)
}

func noEndpoint(t *testing.T, kubeconfig string, r *critest.Runtime) *phasetest.Phase {
	t.Helper()
	return phasetest.New(t, Spec(), "no_endpoint", map[string]cty.Value{
		"node": cty.StringVal("n1"), "kubeconfig": cty.StringVal(kubeconfig), "cri_socket": cty.StringVal(r.Socket),
	})
}
