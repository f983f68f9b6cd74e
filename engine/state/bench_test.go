package state

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.TempDir(), owner())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := s.Append(run("r1")); err != nil {
		b.Fatal(err)
	}
	return s
}

func typical(i int) (NodeStart, NodeEnd) {
	address := fmt.Sprintf(`module.certs.phase.leaf["%d"]`, i)
	st := start(address, strings.Repeat("0123456789abcdef", 4), "", 1)
	st.Depends = []string{`module.certs.phase.ca["ca"]`}
	en := end(address, event.Succeeded, "p", 2)
	en.Private = []byte(`{"entries":[{"kind":"file","target":"/etc/kubernetes/pki/ca.crt","made":true}]}`)
	return st, en
}

// BenchmarkChain is one durable start and one end per node, one after the other.
func BenchmarkChain(b *testing.B) {
	s := benchStore(b)
	i := 0
	for b.Loop() {
		st, en := typical(i % 1000)
		i++
		if err := s.Append(st); err != nil {
			b.Fatal(err)
		}
		if err := s.Sync(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Append(en); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWide is the same with 64 nodes at once, which share their syncs.
func BenchmarkWide(b *testing.B) {
	const atOnce = 64
	s := benchStore(b)
	for b.Loop() {
		var wg sync.WaitGroup
		for i := range atOnce {
			st, _ := typical(i)
			if err := s.Append(st); err != nil {
				b.Fatal(err)
			}
			wg.Go(func() {
				if err := s.Sync(b.Context()); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		for i := range atOnce {
			_, en := typical(i)
			if err := s.Append(en); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/atOnce, "µs/node")
}

func BenchmarkAppend(b *testing.B) {
	s := benchStore(b)
	i := 0
	for b.Loop() {
		st, _ := typical(i % 1000)
		i++
		if err := s.Append(st); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			s := benchStore(b)
			for i := range nodes {
				st, en := typical(i)
				if err := s.Append(st, en); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Sync(b.Context()); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := Read(s.Dir()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
