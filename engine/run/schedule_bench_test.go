package run

import (
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

func BenchmarkSchedule(b *testing.B) {
	const nodes = 10_000
	chain := Spec{Nodes: make([]NodeSpec, nodes), Edges: make([][]Edge, nodes), Slots: 16}
	layered := Spec{Nodes: make([]NodeSpec, nodes), Edges: make([][]Edge, nodes), Slots: 16, Pools: map[string]int{"pull": 4}}
	for id := range nodes {
		layered.Nodes[id].Weight = float64(id%7) + 1
		if id%3 == 0 {
			layered.Nodes[id].Pools = []string{"pull"}
		}
		if id == 0 {
			continue
		}
		chain.Edges[id] = []Edge{{To: int32(id - 1)}}
		for d := range 3 {
			if to := (id/100-1)*100 + (id+d*13)%100; to >= 0 {
				layered.Edges[id] = append(layered.Edges[id], Edge{To: int32(to)})
			}
		}
	}
	for name, spec := range map[string]Spec{
		"wide":    {Nodes: make([]NodeSpec, nodes), Slots: 16},
		"chain":   chain,
		"layered": layered,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := newSchedule(spec)
				var running []int
				for !s.Done() {
					running = append(running, s.Next()...)
					s.Ready()
					s.Waiting()
					s.Finish(running[0], event.Succeeded)
					running = running[1:]
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/nodes, "ns/node")
		})
	}
}
