package expand_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/selection"
)

func TestSelect(t *testing.T) {
	prog := mustExpand(t, files(`
phase "demo.echo" "a" {}
phase "demo.echo" "b" { depends_on = [phase.a] }
phase "demo.echo" "c" { depends_on = [phase.b] }
phase "demo.echo" "other" {}
`), nil)
	part, left, err := prog.Select(selection.Selection{Targets: []string{"phase.b"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := addresses(part), []string{"phase.a", "phase.b"}; !slices.Equal(got, want) {
		t.Errorf("picked %q, want %q", got, want)
	}
	if want := []string{"phase.c", "phase.other"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if _, ok := part.Node("phase.c"); ok {
		t.Error("phase.c is still there")
	}
	if got := part.Graph.Len(); got != 2 {
		t.Errorf("the graph has %d nodes, want 2", got)
	}
	if got := len(addresses(prog)); got != 4 {
		t.Errorf("the program itself has %d phases now, want 4", got)
	}
	all, left, err := prog.Select(selection.Selection{})
	if all != prog || left != nil || err != nil {
		t.Errorf("select all: got %v, %q, %v, want the program itself", all, left, err)
	}
	var unknown *selection.UnknownError
	if _, _, err := prog.Select(selection.Selection{Excludes: []string{"phase.d"}}); !errors.As(err, &unknown) {
		t.Errorf("select phase.d: got error %v, want UnknownError", err)
	}
}

func addresses(p *expand.Program) []string {
	var out []string
	for _, n := range p.Nodes {
		out = append(out, n.Address)
	}
	return out
}
