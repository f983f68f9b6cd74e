package report

import (
	"fmt"
	"strings"

	"github.com/clusterflow/clusterflow/engine/event"
)

// around is the address of the outermost module that a phase is in, without its
// key; "" if it is in none.
func around(address string) string {
	const module = "module."
	rest, ok := strings.CutPrefix(address, module)
	end := strings.IndexAny(rest, ".[")
	if !ok || end < 0 {
		return ""
	}
	return module + rest[:end]
}

// foldSkipped puts one line in place of all phases of a module of which none is
// to run, where its first phase was.
func foldSkipped(nodes []PlanNode) []PlanNode {
	all, skipped, told := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, n := range nodes {
		all[around(n.Address)]++
		if n.Action == Skip && len(n.Warnings) == 0 {
			skipped[around(n.Address)]++
		}
	}
	var out []PlanNode
	for _, n := range nodes {
		module := around(n.Address)
		count := skipped[module]
		switch {
		case module == "" || count < 2 || count < all[module]:
			out = append(out, n)
		case !told[module]:
			told[module] = true
			n.Address, n.Type = module, phases(count)
			out = append(out, n)
		}
	}
	return out
}

// holdSkipped keeps phases that were skipped one after the other, to tell of those
// of a module in one line. It reports whether it took the event.
func (p *Plain) holdSkipped(e event.Event) bool {
	switch b := e.Body.(type) {
	case event.NodeEnded:
		if b.Status == event.Skipped && b.Cause == "" && !p.opts.Verbose {
			p.skipped = append(p.skipped, b)
			return true
		}
	case event.NodeReady, event.NodePlanned, event.NodeStarted, event.NodeWaiting:
		return false // nothing is written of them, or soon enough
	}
	p.tellSkipped()
	return false
}

// tellSkipped writes what was held.
func (p *Plain) tellSkipped() {
	held := p.skipped
	p.skipped = nil
	count := map[string]int{}
	for _, b := range held {
		count[around(b.Node)]++
	}
	for _, b := range held {
		module := around(b.Node)
		n := count[module]
		if module == "" || n == 1 {
			p.nodeEnded(b)
			continue
		}
		delete(p.nodes, b.Node)
		if n > 1 {
			count[module] = 0 // told
			b.Node, b.Duration, b.Reason = module, 0, fmt.Sprintf("%s: %s", phases(n), b.Reason)
			p.nodeEnded(b)
		}
	}
}
