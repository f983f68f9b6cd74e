package main

import "testing"

func TestHeapPercent(t *testing.T) {
	for live, want := range map[int64]int64{ // bytes to which the heap may grow
		0:         smallHeap,
		4 << 20:   smallHeap,
		12 << 20:  smallHeap,
		24 << 20:  24 << 20 * 120 / 100,
		100 << 20: 120 << 20,
	} {
		base := max(live, 1<<20)
		if got := base + base*int64(heapPercent(live))/100; got != want {
			t.Errorf("with %d bytes alive: the heap may grow to %d, want %d", live, got, want)
		}
	}
}
