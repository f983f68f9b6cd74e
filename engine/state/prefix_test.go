package state

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/clusterflow/clusterflow/engine/event"
)

// TestFoldOfPrefixes: after any prefix of any records the state is consistent,
// and folding goes the same way whether or not it was compacted on the way.
func TestFoldOfPrefixes(t *testing.T) {
	address := rapid.SampledFrom([]string{"a", "b", "c"})
	text := rapid.SampledFrom([]string{"", "x", "y"})
	status := rapid.SampledFrom(event.Statuses())
	record := rapid.Custom(func(t *rapid.T) Record {
		a, x := address.Draw(t, "address"), text.Draw(t, "text")
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return run(x)
		case 1, 2:
			return start(a, x, x, 1)
		case 3, 4:
			e := end(a, status.Draw(t, "status"), x, 2)
			if rapid.Bool().Draw(t, "identity") {
				adopted := id("pki.cert", x)
				e.Identity = &adopted
			}
			return e
		case 5:
			return UndoStart{Address: a, Time: at(3)}
		case 6:
			return NodeUndone{Address: a, Leftovers: rapid.SliceOf(text).Draw(t, "leftovers")}
		default:
			return Checkpoint{a, []byte(x)}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOf(record).Draw(t, "records")
		compactAt := rapid.IntRange(0, len(records)).Draw(t, "compactAt")
		plain, compacted := New(), New()
		for i, r := range records {
			if i == compactAt {
				compacted = fold(compacted.snapshot()...)
			}
			plain.Apply(r)
			compacted.Apply(r)
			checkState(t, plain)
			if diff := equalStates(plain, compacted); diff != "" {
				t.Fatalf("after record %d, %T (-plain +compacted):\n%s", i, r, diff)
			}
		}
	})
}

func checkState(t *rapid.T, s *State) {
	t.Helper()
	orders := make(map[uint64]string)
	for a, n := range s.Nodes {
		if n.Address != a || n.Status == "" || n.Type == "" {
			t.Fatalf("node %q: filed under %q, status %q, type %q", n.Address, a, n.Status, n.Type)
		}
		if n.Order == 0 || n.Order > s.clock || orders[n.Order] != "" {
			t.Fatalf("node %q: order %d, clock %d, taken by %q", a, n.Order, s.clock, orders[n.Order])
		}
		orders[n.Order] = a
		if why := contradiction(n); why != "" {
			t.Fatalf("node %q is %s, but %s", a, n.Status, why)
		}
	}
}

// contradiction says what does not go with the status of a node.
func contradiction(n *Node) string {
	switch n.Status {
	case Succeeded:
		if n.Success == nil || n.Success.Inputs != n.Inputs {
			return "its inputs are not those of the last success"
		}
	case Undoing:
		if n.Success != nil {
			return "still counts as a success"
		}
	case Leftovers:
		if n.Success != nil || len(n.Leftovers) == 0 {
			return "still counts as a success, or leaves nothing"
		}
	case Applying, Failed, Cancelled, Unknown: // may have succeeded before
	default:
		return "that is no status"
	}
	return ""
}
