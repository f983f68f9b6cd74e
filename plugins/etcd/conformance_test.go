package etcd

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

// TestConformance runs real processes of the fake etcd in this test binary. Each
// directory has ports of its own. The type external only checks and has no case:
// its first plan is empty where it can be applied.
func TestConformance(t *testing.T) {
	var mu sync.Mutex
	configs := map[string]map[string]any{}
	of := func(dir string) map[string]any {
		mu.Lock()
		defer mu.Unlock()
		if configs[dir] == nil {
			configs[dir] = plain(config(t, dir, os.Args[0]))
		}
		return configs[dir]
	}
	member := func(dir string) map[string]any { return plain(memberValues(dir)) }
	clusters := &clusters{t: t, of: map[string]*fakeCluster{}, urls: map[string]string{}}
	sdktest.Run(t, Spec(),
		sdktest.Case{Type: "join", Config: clusters.config(membershipValues, voterNamed(1, "ASK")), Observe: clusters.observe},
		sdktest.Case{
			Type: "promote", Observe: clusters.observe,
			Config:   clusters.config(promoteValues, voterNamed(1, "ASK"), learnerNamed(2, "ASK")),
			SkipUndo: "a learner that votes cannot become one again, so undo takes it out of the cluster: TestPromote",
		},
		sdktest.Case{
			Type:   "leave", // what it leaves is not of this host, and not undone
			Config: clusters.config(membershipValues, voterNamed(1, "ASK"), voterNamed(2, "ASK")),
		},
		sdktest.Case{
			Type: "member", Config: member,
			Setup:                 func(dir string) error { writeCerts(t, dir); return nil },
			SkipUndoWithoutRecord: "only the record knows which directories were made",
		},
		sdktest.Case{
			Type: "process", Config: of, Observe: phasetest.Processes,
			Setup:                 func(dir string) error { writeCerts(t, dir); return nil },
			SkipUndoWithoutRecord: "only the record knows which directories were made",
			// TestProcessAttach in sdk/resource takes over an interrupted start.
			SkipKill: "the process outlives a killed plugin and goes on writing its files, so the host changes by itself",
		},
	)
}

func plain(values map[string]cty.Value) map[string]any {
	out := make(map[string]any, len(values))
	for name, v := range values {
		out[name] = v
	}
	return out
}

// clusters gives every directory a fake cluster of its own.
type clusters struct {
	t *testing.T

	mu   sync.Mutex
	of   map[string]*fakeCluster
	urls map[string]string
}

func (c *clusters) config(values func(dir, url string) map[string]cty.Value, members ...*pb.Member) func(dir string) map[string]any {
	return func(dir string) map[string]any {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.of[dir] == nil {
			var own []*pb.Member
			for _, m := range members {
				own = append(own, &pb.Member{
					ID: m.ID, Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: slices.Clone(m.ClientURLs), IsLearner: m.IsLearner,
				})
			}
			c.of[dir], c.urls[dir] = clusterIn(c.t, dir, own...)
		}
		return plain(values(dir, c.urls[dir]))
	}
}

func (c *clusters) observe(dir string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[dir] == nil {
		return "", nil
	}
	return strings.Join(c.of[dir].names(), " "), nil
}

func learnerNamed(id uint64, url string) *pb.Member {
	m := voterNamed(id, url)
	m.IsLearner = true
	return m
}
