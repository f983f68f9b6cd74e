package etcd

import (
	"slices"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// TestNudge has a learner that is announced and serves nobody until its container
// was ended, once.
func TestNudge(t *testing.T) {
	dir := t.TempDir()
	silent := voterNamed(2, silentURL)
	silent.IsLearner = true
	c, url := clusterIn(t, dir, voterNamed(1, "ASK"), silent)
	runtime := critest.New(t)
	runtime.Set(func(s *critest.State) {
		s.Containers = append(s.Containers, critest.Container{SandboxID: "s", Status: &runtimeapi.ContainerStatus{
			Id: "learner", Metadata: &runtimeapi.ContainerMetadata{Name: podName}, State: runtimeapi.ContainerState_CONTAINER_RUNNING,
			Labels: map[string]string{cri.LabelNamespace: "kube-system", cri.LabelContainer: podName},
		}})
	})
	values := promoteValues(dir, url)
	values["cri_socket"] = cty.StringVal(runtime.Socket)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * membersEvery) // so that it is found silent once more
		defer tick.Stop()
		for len(runtime.Calls()) == 0 {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
			}
		}
		<-tick.C
		c.change(func(members []*pb.Member) []*pb.Member {
			members[1].ClientURLs = []string{url}
			return members
		})
	}()
	phasetest.New(t, Spec(), "promote", values).Apply(t)
	<-ended
	if got, want := runtime.Calls(), []string{"StopContainer learner"}; !slices.Equal(got, want) {
		t.Errorf("calls: got %q, want %q", got, want)
	}
	if got, want := c.names(), []string{"n1", "n2"}; !slices.Equal(got, want) {
		t.Errorf("members: got %q, want %q", got, want)
	}
}
