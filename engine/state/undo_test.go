package state

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func nodes(list ...Node) *State {
	s := New()
	for i, n := range list {
		n.Order = uint64(i + 1)
		s.Nodes[n.Address] = &n
	}
	return s
}

func node(address string, depends ...string) Node {
	return Node{Address: address, Identity: Identity{Depends: depends}}
}

func TestUndoOrder(t *testing.T) {
	tests := map[string]struct {
		state *State // in order of completion
		want  string
	}{
		"empty":                      {nodes(), ""},
		"newest first":               {nodes(node("a"), node("b"), node("c")), "c b a"},
		"user first though older":    {nodes(node("b", "a"), node("a"), node("c")), "c b a"},
		"diamond":                    {nodes(node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")), "d c b a"},
		"gone dependency":            {nodes(node("a", "gone"), node("b", "gone")), "b a"},
		"same dependency twice":      {nodes(node("b", "a", "a"), node("a")), "b a"},
		"cycle of two runs":          {nodes(node("a", "b"), node("b", "a"), node("c")), "c b a"},
		"cycle with a tail":          {nodes(node("t"), node("a", "b", "t"), node("b", "a")), "b a t"},
		"depends on itself":          {nodes(node("a", "a"), node("b")), "b a"},
		"user of a cycle goes first": {nodes(node("u", "a"), node("a", "b"), node("b", "a")), "u b a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(tt.state.UndoOrder(), " "); got != tt.want {
				t.Errorf("undo order: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUndoOrderIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		s := New()
		for i, a := range rapid.SliceOfDistinct(address, rapid.ID[string]).Draw(t, "nodes") {
			n := node(a, rapid.SliceOf(address).Draw(t, "depends")...)
			n.Order = uint64(i)
			s.Nodes[a] = &n
		}
		got := s.UndoOrder()
		slices.Sort(got)
		if want := s.Addresses(); !slices.Equal(got, want) {
			t.Fatalf("undo order: got %v in some order, want %v", got, want)
		}
	})
}
