package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

// BenchmarkApply applies 1 000 phases in memory, each with a change, with the
// journal on disk.
func BenchmarkApply(b *testing.B) {
	const phases = 1000
	var wide, chain strings.Builder
	for i := range phases {
		before := "0"
		if i > 0 {
			before = fmt.Sprintf("phase.p%d.id", i-1)
		}
		fmt.Fprintf(&wide, "phase \"t.thing\" \"p%d\" { name = \"p%d\" }\n", i, i)
		fmt.Fprintf(&chain, "phase \"t.thing\" \"p%d\" {\n  name = \"p%d\"\n  value = %s\n}\n", i, i, before)
	}
	for name, text := range map[string]string{"wide": wide.String(), "chain": chain.String()} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, text)
			planner := r.planner()
			for b.Loop() {
				clear(r.w.things)
				store := r.open()
				result, _, err := Apply(b.Context(), planner, r.options(store, planner.Plugins.(*host)))
				if err != nil || result.Status != event.RunSucceeded {
					b.Fatalf("got %s, %v", result.Status, err)
				}
				if err := store.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/phases, "µs/phase")
		})
	}
}
