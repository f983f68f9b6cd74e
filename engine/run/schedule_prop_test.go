package run

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/clusterflow/clusterflow/engine/event"
)

// TestScheduleProperties runs random graphs with random outcomes, pauses and
// stops, and compares with what a slow but plain model allows.
func TestScheduleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, spec: drawSpec(t)}
		m.s = newSchedule(m.spec)
		m.status = make([]event.Status, len(m.spec.Nodes))
		for steps := 0; !m.s.Done(); steps++ {
			if steps > 10*len(m.spec.Nodes)+10 {
				t.Fatalf("no end after %d steps", steps)
			}
			m.next()
			m.step()
		}
		for id, status := range m.status {
			if !status.Terminal() {
				t.Fatalf("done, but node %d is %q", id, status)
			}
		}
		if got := m.s.Next(); got != nil {
			t.Fatalf("done, but Next gave %v", got)
		}
	})
}

func drawSpec(t *rapid.T) Spec {
	pools := [][]string{nil, nil, {"apt"}, {"pull"}, {"apt", "pull"}, {"apt", "disk"}, {"disk"}}
	spec := Spec{
		Slots:    rapid.IntRange(0, 4).Draw(t, "slots"),
		Pools:    map[string]int{"pull": rapid.IntRange(0, 3).Draw(t, "pull")},
		FailFast: rapid.Bool().Draw(t, "failFast"),
	}
	nodes := rapid.IntRange(0, 14).Draw(t, "nodes")
	finally := rapid.IntRange(0, 3).Draw(t, "finally") // the last ones
	for id := range nodes {
		spec.Nodes = append(spec.Nodes, NodeSpec{
			Name:     fmt.Sprint(id),
			Weight:   float64(rapid.IntRange(0, 3).Draw(t, "weight")),
			Pools:    rapid.SampledFrom(pools).Draw(t, "pools"),
			Continue: rapid.Bool().Draw(t, "continue"),
			Finally:  id >= nodes-finally,
		})
		var deps []Edge
		if id > 0 {
			for range rapid.IntRange(0, 3).Draw(t, "deps") {
				deps = append(deps, Edge{
					To:   int32(rapid.IntRange(0, id-1).Draw(t, "dep")),
					Kind: EdgeKind(rapid.IntRange(0, 2).Draw(t, "kind")),
				})
			}
		}
		spec.Edges = append(spec.Edges, deps)
	}
	return spec
}

type model struct {
	t       *rapid.T
	spec    Spec
	s       *schedule
	status  []event.Status // "" until something is known of a node
	stopped bool
	aborted bool
}

// next starts nodes and checks that each might, and that no other could.
func (m *model) next() {
	for _, id := range m.s.Next() {
		if m.status[id] != "" && m.status[id] != event.Ready {
			m.t.Fatalf("node %d started while %q", id, m.status[id])
		}
		if why := m.holdsBack(id); why != "" {
			m.t.Fatalf("node %d started: %s", id, why)
		}
		m.status[id] = event.Running
	}
	if got, want := m.s.Running(), m.count(nil); got != want {
		m.t.Fatalf("running: got %d, want %d", got, want)
	}
	for id, status := range m.status {
		if status.Terminal() || status == event.Running || status == event.Retrying {
			continue
		}
		if m.holdsBack(id) == "" {
			m.t.Fatalf("node %d could start but did not", id)
		}
	}
}

// holdsBack says why a node that has not started must not start now.
func (m *model) holdsBack(id int) string {
	n := m.spec.Nodes[id]
	for _, e := range m.spec.Edges[id] {
		if !m.satisfied(e) {
			return fmt.Sprintf("dependency %d is %q", e.To, m.status[e.To])
		}
	}
	for other, status := range m.status {
		if n.Finally && !m.spec.Nodes[other].Finally && !status.Terminal() {
			return fmt.Sprintf("node %d has not ended", other)
		}
	}
	if m.spec.Slots > 0 && m.count(nil) >= m.spec.Slots {
		return "no slot"
	}
	for _, pool := range n.Pools {
		if m.count(func(o NodeSpec) bool { return slices.Contains(o.Pools, pool) }) >= max(1, m.spec.Pools[pool]) {
			return "pool full"
		}
	}
	return ""
}

func (m *model) satisfied(e Edge) bool {
	switch m.status[e.To] {
	case event.Succeeded, event.Unchanged, event.Skipped:
		return true
	case event.Failed, event.Unknown:
		return e.Kind == EdgeStatus || m.spec.Nodes[e.To].Continue
	case event.Blocked, event.Cancelled:
		return e.Kind == EdgeStatus
	default:
		return false
	}
}

func (m *model) count(match func(NodeSpec) bool) int {
	n := 0
	for id, status := range m.status {
		if status == event.Running && (match == nil || match(m.spec.Nodes[id])) {
			n++
		}
	}
	return n
}

// step does one random thing that a caller may do.
func (m *model) step() {
	running, paused := m.with(event.Running), m.with(event.Retrying)
	switch action := rapid.IntRange(0, 19).Draw(m.t, "action"); {
	case action == 0:
		m.stopped = true
		m.learn(m.s.Stop())
	case action == 1 && m.stopped:
		m.aborted = true
		m.learn(m.s.Abort())
	case action < 5 && len(running) > 0:
		id := rapid.SampledFrom(running).Draw(m.t, "paused")
		m.s.Pause(id)
		m.status[id] = event.Retrying
	case action < 8 && len(paused) > 0 && !m.stopped && !m.aborted:
		id := rapid.SampledFrom(paused).Draw(m.t, "resumed")
		m.s.Resume(id)
		m.status[id] = event.Ready
	default:
		m.finish(slices.Concat(running, paused))
	}
}

func (m *model) finish(ids []int) {
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(m.t, "finished")
	m.status[id] = rapid.SampledFrom([]event.Status{
		event.Succeeded, event.Succeeded, event.Unchanged, event.Skipped, event.Failed, event.Unknown, event.Cancelled,
	}).Draw(m.t, "status")
	m.learn(m.s.Finish(id, m.status[id]))
}

// learn checks and records what was decided without running.
func (m *model) learn(decided []Decided) {
	for _, d := range decided {
		if status := m.status[d.ID]; status != "" && status != event.Ready {
			m.t.Fatalf("node %d is %q and was decided again: %s", d.ID, status, d.Status)
		}
		m.status[d.ID] = d.Status
		if d.Status == event.Cancelled {
			m.stopped = true // by Stop, or by fail fast
		}
	}
	for _, d := range decided {
		if d.Status == event.Blocked {
			m.checkCause(d)
		}
	}
}

func (m *model) checkCause(d Decided) {
	if m.status[d.Cause] == event.Blocked {
		m.t.Fatalf("node %d: cause %d is itself blocked", d.ID, d.Cause)
	}
	unsatisfied := func(e Edge) bool { return m.status[e.To].Terminal() && !m.satisfied(e) }
	if !slices.ContainsFunc(m.spec.Edges[d.ID], unsatisfied) {
		m.t.Fatalf("node %d is blocked although no dependency of it failed", d.ID)
	}
}

func (m *model) with(status event.Status) []int {
	var ids []int
	for id, s := range m.status {
		if s == status {
			ids = append(ids, id)
		}
	}
	return ids
}
