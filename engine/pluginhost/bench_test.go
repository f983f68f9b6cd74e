//go:build linux

package pluginhost_test

import (
	"slices"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
)

// BenchmarkLaunch measures a process from its start to its first answer, with
// handshake, Configure and Describe. Target: 8 ms median.
func BenchmarkLaunch(b *testing.B) {
	h := newHost(b)
	if _, err := h.Find(pluginhost.Ref{Name: "echo"}); err != nil { // opens and hashes
		b.Fatal(err)
	}
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		lease, err := h.Client(b.Context(), pluginhost.Ref{Name: "echo"}, true)
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
		lease.Release()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(times[len(times)*9/10].Microseconds())/1000, "ms-p90")
}

// BenchmarkFind measures opening and hashing a binary.
func BenchmarkFind(b *testing.B) {
	for b.Loop() {
		h, err := pluginhost.New(pluginhost.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.Find(pluginhost.Ref{Name: "echo", Source: "/proc/self/exe"}); err != nil {
			b.Fatal(err)
		}
		if err := h.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
