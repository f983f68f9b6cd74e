package run

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/clusterflow/clusterflow/engine/event"
)

// The transcripts in testdata/schedule are conversations with a schedule. Their
// first command is
//
//	graph [slots=N] [fail-fast]
//	pool NAME SLOTS
//	NODE [weight=N] [pool=NAME] [continue] [finally] [: DEP, DEP (order), DEP (status), …]
//
// and the others are finish NODE STATUS, pause NODE, resume NODE, stop, abort.
// Each answers with all that it made known, in the order of the lines.
func TestSchedule(t *testing.T) {
	datadriven.Walk(t, "testdata/schedule", func(t *testing.T, path string) {
		t.Helper()
		var env scheduleEnv
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			return env.handle(t, d)
		})
	})
}

type scheduleEnv struct {
	s   *schedule
	ids map[string]int
}

func (env *scheduleEnv) handle(t *testing.T, d *datadriven.TestData) (answer string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			answer = fmt.Sprintf("panic: %v\n", p)
		}
	}()
	var decided []Decided
	switch d.Cmd {
	case "graph":
		env.s = newSchedule(env.parse(t, d))
	case "finish":
		decided = env.s.Finish(env.id(t, d, 0), event.Status(d.CmdArgs[1].Key))
	case "pause":
		env.s.Pause(env.id(t, d, 0))
	case "resume":
		env.s.Resume(env.id(t, d, 0))
	case "stop":
		decided = env.s.Stop()
	case "abort":
		decided = env.s.Abort()
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return env.answer(decided)
}

func (env *scheduleEnv) id(t *testing.T, d *datadriven.TestData, arg int) int {
	t.Helper()
	id, ok := env.ids[d.CmdArgs[arg].Key]
	if !ok {
		d.Fatalf(t, "unknown node %s", d.CmdArgs[arg].Key)
	}
	return id
}

func (env *scheduleEnv) answer(decided []Decided) string {
	var b strings.Builder
	name := func(id int) string { return env.s.spec.Nodes[id].Name }
	for _, d := range decided {
		fmt.Fprintf(&b, "%s: %s", d.Status, name(d.ID))
		if d.Cause >= 0 {
			fmt.Fprintf(&b, " (%s %s)", name(d.Cause), env.s.nodes[d.Cause].status)
		}
		b.WriteByte('\n')
	}
	started := env.s.Next()
	for _, id := range env.s.Ready() {
		fmt.Fprintf(&b, "ready: %s\n", name(id))
	}
	for _, w := range env.s.Waiting() {
		fmt.Fprintf(&b, "waiting: %s (pool %s)\n", name(w.ID), w.Pool)
	}
	for _, id := range started {
		fmt.Fprintf(&b, "start: %s\n", name(id))
	}
	if env.s.Done() {
		b.WriteString("done\n")
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func (env *scheduleEnv) parse(t *testing.T, d *datadriven.TestData) Spec {
	t.Helper()
	spec := Spec{Pools: map[string]int{}, FailFast: d.HasArg("fail-fast")}
	if d.HasArg("slots") {
		d.ScanArgs(t, "slots", &spec.Slots)
	}
	env.ids = map[string]int{}
	var deps []string
	for line := range strings.Lines(d.Input) {
		left, right, _ := strings.Cut(strings.TrimSpace(line), ":")
		words := strings.Fields(left)
		if words[0] == "pool" {
			spec.Pools[words[1]] = number(t, words[2])
			continue
		}
		env.ids[words[0]] = len(spec.Nodes)
		spec.Nodes = append(spec.Nodes, parseNode(t, words))
		deps = append(deps, right)
	}
	for _, list := range deps {
		var edges []Edge
		for dep := range strings.SplitSeq(list, ",") {
			if dep = strings.TrimSpace(dep); dep != "" {
				edges = append(edges, env.parseEdge(t, dep))
			}
		}
		spec.Edges = append(spec.Edges, edges)
	}
	return spec
}

func parseNode(t *testing.T, words []string) NodeSpec {
	t.Helper()
	n := NodeSpec{Name: words[0]}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "weight":
			n.Weight = float64(number(t, value))
		case "pool":
			n.Pools = strings.Split(value, "+")
		case "continue":
			n.Continue = true
		case "finally":
			n.Finally = true
		default:
			t.Fatalf("unknown word %q of node %s", word, n.Name)
		}
	}
	return n
}

func (env *scheduleEnv) parseEdge(t *testing.T, dep string) Edge {
	t.Helper()
	name, kind, _ := strings.Cut(dep, " ")
	to, ok := env.ids[name]
	if !ok {
		t.Fatalf("unknown node %q", name)
	}
	kinds := map[string]EdgeKind{"": EdgeData, "(order)": EdgeOrder, "(status)": EdgeStatus}
	k, ok := kinds[kind]
	if !ok {
		t.Fatalf("unknown kind of edge %q", kind)
	}
	return Edge{To: int32(to), Kind: k}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
