package graph

import (
	"fmt"
	"strconv"
	"testing"
)

func BenchmarkFreeze(b *testing.B) {
	for _, size := range []int{1000, 10000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			draft := NewBuilder()
			for i := range size {
				id := fmt.Sprintf("n%05d", i)
				if err := draft.AddNode(Node{ID: id}); err != nil {
					b.Fatal(err)
				}
				for _, back := range []int{1, 7, 31} {
					if i >= back {
						if err := draft.AddEdge(id, fmt.Sprintf("n%05d", i-back), Reason{Kind: Data}); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			for b.Loop() {
				if _, err := draft.Freeze(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
