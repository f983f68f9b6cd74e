package graph

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestGraph replays transcripts. A line "b: a c=order d=status" says that b needs
// a, c and d; a node "m/x" is x in the group m.
func TestGraph(t *testing.T) {
	datadriven.Walk(t, "testdata/graph", func(t *testing.T, path string) {
		t.Helper()
		var env transcript
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			return env.handle(t, d)
		})
	})
}

type transcript struct{ g *Graph }

func (env *transcript) handle(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	switch d.Cmd {
	case "build":
		return env.build(t, d.Input)
	case "reverse":
		env.g = env.g.Reverse()
		return env.shape()
	case "critical":
		return env.critical(t, d.Input)
	case "dot":
		return drawn(t, WriteDOT, env.g)
	case "mermaid":
		return drawn(t, WriteMermaid, env.g)
	case "json":
		return drawn(t, WriteJSON, env.g)
	case "ascii":
		return drawn(t, WriteASCII, env.g)
	case "svg":
		return drawn(t, WriteSVG, env.g)
	case "annotate":
		env.annotate(d.Input)
		return ""
	default:
		d.Fatalf(t, "unknown command %q", d.Cmd)
		return ""
	}
}

// annotate reads a title, then lines "id: tone mark text".
func (env *transcript) annotate(input string) {
	title, list, _ := strings.Cut(input, "\n")
	notes := map[string]Note{}
	for line := range strings.Lines(list) {
		id, note, _ := strings.Cut(strings.TrimSpace(line), ": ")
		words := strings.SplitN(note, " ", 3)
		notes[id] = Note{Action: words[0], Tone: Tone(words[0]), Mark: words[1], Text: words[2], Counts: map[string]int{"b": 2, "a": 1}}
	}
	env.g = env.g.Annotate(title, func(id string) Note { return notes[id] })
}

func (env *transcript) build(t *testing.T, input string) string {
	t.Helper()
	b := NewBuilder()
	type need struct{ from, to, kind string }
	var needs []need
	for i, line := range strings.Split(input, "\n") {
		id, list, _ := strings.Cut(line, ":")
		n := Node{ID: id}
		for rest := id; strings.Contains(rest, "/"); {
			var group string
			group, rest, _ = strings.Cut(rest, "/")
			n.Groups = append(n.Groups, group)
			n.Label = rest
		}
		if err := b.AddNode(n); err != nil {
			return err.Error()
		}
		for word := range strings.FieldsSeq(list) {
			to, kind, _ := strings.Cut(word, "=")
			needs = append(needs, need{id, to, kind + ":" + strconv.Itoa(i+1)})
		}
	}
	for _, n := range needs {
		kind, line, _ := strings.Cut(n.kind, ":")
		if kind == "" {
			kind = string(Data)
		}
		number, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.AddEdge(n.from, n.to, Reason{Kind: Kind(kind), Text: "needs " + n.to, File: "x.hcl", Line: number}); err != nil {
			return err.Error()
		}
	}
	g, err := b.Freeze()
	var cycle *CycleError
	if errors.As(err, &cycle) {
		var lines []string
		for _, e := range cycle.Edges {
			lines = append(lines, fmt.Sprintf("%s:%d %s %s", e.Reasons[0].File, e.Reasons[0].Line, e.From, e.Reasons[0].Text))
		}
		return err.Error() + "\n" + strings.Join(lines, "\n")
	}
	if err != nil {
		return err.Error()
	}
	env.g = g
	return env.shape()
}

func (env *transcript) shape() string {
	var b strings.Builder
	fmt.Fprintf(&b, "order: %s\n", env.ids(env.g.Order()))
	for i, row := range env.g.Levels() {
		fmt.Fprintf(&b, "level %d: %s\n", i, env.ids(row))
	}
	return b.String()
}

func (env *transcript) ids(list []int32) string {
	var ids []string
	for _, i := range list {
		ids = append(ids, env.g.Node(int(i)).ID)
	}
	return strings.Join(ids, " ")
}

func (env *transcript) critical(t *testing.T, input string) string {
	t.Helper()
	weights := map[string]float64{}
	for word := range strings.FieldsSeq(input) {
		id, text, _ := strings.Cut(word, "=")
		w, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		weights[id] = w
	}
	weight := func(i int) float64 {
		if w, ok := weights[env.g.Node(i).ID]; ok {
			return w
		}
		return 1
	}
	path, total := env.g.CriticalPath(weight)
	var ids []string
	for _, i := range path {
		ids = append(ids, env.g.Node(i).ID)
	}
	return fmt.Sprintf("%g: %s\nremaining: %v\n", total, strings.Join(ids, " "), env.g.Remaining(weight))
}

func drawn(t *testing.T, write func(io.Writer, *Graph) error, g *Graph) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEdgeReasonsMerge(t *testing.T) {
	b := NewBuilder()
	for _, id := range []string{"a", "b"} {
		if err := b.AddNode(Node{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []Reason{{Kind: Status, Line: 1}, {Kind: Order, Line: 2}, {Kind: Status, Line: 1}} {
		if err := b.AddEdge("b", "a", r); err != nil {
			t.Fatal(err)
		}
	}
	g, err := b.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	e, ok := g.Edge(1, 0)
	if !ok || len(e.Reasons) != 2 || e.Kind() != Order {
		t.Errorf("Edge(b, a): got %+v, %v, want two reasons of kind order", e, ok)
	}
	if _, ok := g.Edge(0, 1); ok {
		t.Error("Edge(a, b): got one, want none")
	}
	if err := b.RemoveEdge("b", "a"); err != nil {
		t.Fatal(err)
	}
	if g, err = b.Freeze(); err != nil || len(g.Edges()) != 0 {
		t.Errorf("after RemoveEdge: got %v, %v, want no edges", g.Edges(), err)
	}
}

// layered returns a graph in which every node needs all of the layer before.
func layered(tb testing.TB, layers, width int) *Graph {
	tb.Helper()
	b := NewBuilder()
	id := func(layer, i int) string { return fmt.Sprintf("n%03d.%03d", layer, i) }
	for layer := range layers {
		for i := range width {
			if err := b.AddNode(Node{ID: id(layer, i), Groups: []string{fmt.Sprint("layer", layer%3)}}); err != nil {
				tb.Fatal(err)
			}
			if layer == 0 {
				continue
			}
			for k := range width {
				if err := b.AddEdge(id(layer, i), id(layer-1, k), Reason{Kind: Data}); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	g, err := b.Freeze()
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func TestMain(m *testing.M) {
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := flag.Set("rewrite", "true"); err != nil { // datadriven's own flag
			panic(err)
		}
	}
	m.Run()
}
