package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The collector of Go lets the heap double, from 4 MB on: for small pipelines it
// runs more often than it need, and large ones take twice the memory that they
// need. So the heap may always grow to smallHeap, and beyond that by heapGrowth
// percent of what lives; pages that are free go back to the system at once.
//
// What that costs is in docs/performance.md.
const (
	smallHeap  = 24 << 20
	heapGrowth = 20
	heapSlack  = 1 << 20 // room between what the heap may take and the limit
)

// paceHeap sets the pace of the garbage collector after each of its runs, unless
// the user has set one.
func paceHeap() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	const first = 4 << 20 // what 100 percent means before the first run
	debug.SetGCPercent(smallHeap * 100 / first)
	p := &pacer{samples: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}}
	p.watch()
}

type pacer struct{ samples []metrics.Sample }

// watch calls set after the next run of the collector, and so on.
func (p *pacer) watch() {
	type collected struct{ next *collected } // an object of its own, with a pointer: tiny ones share one
	runtime.SetFinalizer(&collected{}, func(*collected) {
		p.set()
		p.watch()
	})
}

func (p *pacer) set() {
	metrics.Read(p.samples)
	var v [5]int64
	for i, s := range p.samples {
		v[i] = int64(s.Value.Uint64())
	}
	live, total, released, free, objects := v[0], v[1], v[2], v[3], v[4]
	percent := heapPercent(live)
	debug.SetGCPercent(percent)
	other := total - released - free - objects // stacks, holes between objects, what the runtime needs for itself
	debug.SetMemoryLimit(live + live*int64(percent)/100 + other + heapSlack)
}

// heapPercent is how much the heap may grow beyond what lives, in percent of that.
func heapPercent(live int64) int {
	live = max(live, 1<<20)
	return max(heapGrowth, int((smallHeap-live)*100/live))
}
