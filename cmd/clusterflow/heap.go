package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The collector of Go lets the heap double, from 4 MB on. For small pipelines it
// runs more often than it need: 1 000 phases make 40 MB of garbage in all. Large
// ones then take twice the memory that they need. So the heap may always grow to
// smallHeap, and beyond that by heapGrowth percent of what lives.
//
// Measured on two cores, engine and plugin together, with 10 000 phases side by
// side: see the table of make bench and docs/performance.md.
const (
	smallHeap  = 24 << 20
	heapGrowth = 30
)

// limitHeap sets the pace of the garbage collector after each of its runs, unless
// the user has set one.
func limitHeap() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	const first = 4 << 20 // what 100 percent means before the first run
	debug.SetGCPercent(smallHeap * 100 / first)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var watch func()
	watch = func() {
		type collected struct{ next *collected } // an object of its own, with a pointer: tiny ones share one
		runtime.SetFinalizer(&collected{}, func(*collected) {
			metrics.Read(live)
			debug.SetGCPercent(heapPercent(live[0].Value.Uint64()))
			watch()
		})
	}
	watch()
}

// heapPercent is how much the heap may grow beyond what lives, in percent of that.
func heapPercent(live uint64) int {
	live = max(live, 1<<20)
	if live >= smallHeap {
		return heapGrowth
	}
	return max(heapGrowth, int((smallHeap-live)*100/live))
}
