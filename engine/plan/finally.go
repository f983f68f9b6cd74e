package plan

import "github.com/clusterflow/clusterflow/engine/expand"

// lastly moves finally phases behind all others. Their edges stay as they are:
// they lead to what they look at.
func lastly(waves [][]*expand.Node) [][]*expand.Node {
	var first, last [][]*expand.Node
	for _, wave := range waves {
		var early, late []*expand.Node
		for _, n := range wave {
			if n.Finally {
				late = append(late, n)
			} else {
				early = append(early, n)
			}
		}
		if len(early) > 0 {
			first = append(first, early)
		}
		if len(late) > 0 {
			last = append(last, late)
		}
	}
	return append(first, last...)
}

// idle reports whether finally phases have nothing to come after: the run changes
// nothing, and no earlier one was killed before its own finally phases ran.
func (b *builder) idle() bool {
	return !b.plan.HasChanges() && !b.prior.Run.Interrupted()
}
