package staticpod_test

import (
	"strings"
	"testing"

	runtimev1 "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod/staticpodtest"
)

func TestRuns(t *testing.T) {
	const name, running, exited = "etcd", runtimev1.ContainerState_CONTAINER_RUNNING, runtimev1.ContainerState_CONTAINER_EXITED
	tests := map[string]struct {
		set  func(r *staticpodtest.Runtime)
		want string
	}{
		"nothing":    {func(*staticpodtest.Runtime) {}, "the kubelet has not started its pod yet"},
		"another":    {func(r *staticpodtest.Runtime) { r.Set("kube-apiserver", "new", running) }, "the kubelet has not started its pod yet"},
		"old":        {func(r *staticpodtest.Runtime) { r.Set(name, "old", running) }, "a pod of an older manifest still runs"},
		"both":       {func(r *staticpodtest.Runtime) { r.Set(name, "old", running); r.Add(name, "new", running) }, "a pod of an older manifest still runs"},
		"pulling":    {func(r *staticpodtest.Runtime) { r.Set(name, "new") }, "its pod has no container yet: the image may still be pulled"},
		"created":    {func(r *staticpodtest.Runtime) { r.Set(name, "new", runtimev1.ContainerState_CONTAINER_CREATED) }, "its container does not run yet"},
		"crashed":    {func(r *staticpodtest.Runtime) { r.Set(name, "new", running, exited) }, "its container 0123456789abc has ended with exit code 2"},
		"restarted":  {func(r *staticpodtest.Runtime) { r.Set(name, "new", exited, running) }, ""},
		"runs":       {func(r *staticpodtest.Runtime) { r.Set(name, "new", running) }, ""},
		"daemon set": {func(r *staticpodtest.Runtime) { r.Set(name, "new", running); r.Foreign(name) }, ""},
	}
	for test, tt := range tests {
		t.Run(test, func(t *testing.T) {
			r := staticpodtest.NewRuntime(t)
			tt.set(r)
			err := staticpod.Runtime{Socket: "unix://" + r.Socket}.Runs(t.Context(), staticpod.Ref{Name: name, Digest: "new"})
			if got := message(err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRunsWithoutRuntime(t *testing.T) {
	err := staticpod.Runtime{Socket: "/nonexistent/cri.sock"}.Runs(t.Context(), staticpod.Ref{Name: "etcd"})
	if !strings.Contains(message(err), "/nonexistent/cri.sock") {
		t.Errorf("got %v, want the socket named", err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
