package etcd

import (
	"os"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

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
	sdktest.Run(t, Spec(),
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
