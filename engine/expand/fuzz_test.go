package expand_test

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
	"github.com/clusterflow/clusterflow/sdk"
)

// FuzzPipeline feeds any text to Load and Expand. Nothing may panic, every error
// must say something, and a program must keep its promises.
func FuzzPipeline(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.txtar", "../config/testdata/*/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, path := range paths {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				f.Fatal(err)
			}
			var root, module string
			for _, file := range archive.Files {
				switch filepath.Base(file.Name) {
				case "init.hcl":
					root = string(file.Data)
				case "main.hcl":
					module += string(file.Data)
				}
			}
			f.Add(root, module)
		}
	}
	f.Fuzz(func(t *testing.T, root, module string) {
		files := fstest.MapFS{"init.hcl": {Data: []byte(root)}}
		for _, dir := range []string{"m", "certs", "node", "modules/certs", "old", "old/certs"} {
			files[dir+"/main.hcl"] = &fstest.MapFile{Data: []byte(module)}
		}
		p, diags := config.Load(files, "init.hcl")
		if diags.HasErrors() {
			if diags.Error() == "" || p.Files == nil {
				t.Errorf("an error that says nothing: %+v", diags)
			}
			return
		}
		prog, diags := expand.Expand(p, nil, expandtest.New())
		if diags.HasErrors() {
			if prog != nil {
				t.Error("Expand returned a program together with errors")
			}
			return
		}
		if len(prog.Nodes) > 500 {
			return
		}
		checkProgram(t, prog)
	})
}

// tester is a test of package testing or rapid.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// checkProgram checks what every program promises.
func checkProgram(t tester, prog *expand.Program) {
	t.Helper()
	if prog.Graph.Len() != len(prog.Nodes) {
		t.Fatalf("graph has %d nodes, program %d", prog.Graph.Len(), len(prog.Nodes))
	}
	if _, diags := prog.Outputs(expand.NoOutcomes{}); diags.HasErrors() {
		t.Errorf("outputs: %v, though Expand found nothing wrong", diags)
	}
	for i, n := range prog.Nodes {
		if found, ok := prog.Node(n.Address); !ok || found != n || prog.Graph.Node(i).ID != n.Address {
			t.Errorf("node %d is not found by its address %s", i, n.Address)
		}
		if diags := n.Preconditions(expand.NoOutcomes{}); diags.HasErrors() && diags[0].Subject == nil {
			t.Errorf("%s: a precondition without a place: %v", n.Address, diags)
		}
		checkNeeds(t, prog, n)
	}
}

// checkNeeds checks that a node's edges are all that it needs: once these have
// ended, the rest is known.
func checkNeeds(t tester, prog *expand.Program, n *expand.Node) {
	t.Helper()
	o := expandtest.Outcomes{}
	for _, e := range n.Edges {
		needed, ok := prog.Node(e.To)
		if !ok {
			t.Fatalf("%s needs %s, which is no node", n.Address, e.To)
		}
		o[e.To] = expand.Outcome{Status: "succeeded", Outputs: known(needed.Schema)}
		switch {
		case needed.Finally && !n.Finally:
			t.Errorf("%s waits for %s, which comes last", n.Address, e.To)
		case n.Finally && e.Kind != expand.Status:
			t.Errorf("%s may be blocked by %s (%s)", n.Address, e.To, e.Kind)
		}
	}
	checkUses(t, prog, n, o)
	run, ok, diags := n.When(o)
	if diags.HasErrors() || (ok && !run) {
		return
	}
	if !ok {
		t.Errorf("%s: it is not known whether it runs, though all that it needs has ended", n.Address)
	}
	v, diags := n.Config(o)
	if diags.HasErrors() {
		return
	}
	if !v.IsWhollyKnown() {
		t.Errorf("%s: its config is not known, though all that it needs has ended: %#v", n.Address, v)
	}
	plain, _ := v.UnmarkDeep()
	for _, a := range n.Schema.Config {
		want := a.Type.WithoutOptionalAttributesDeep()
		if got := plain.GetAttr(a.Name).Type(); want != cty.DynamicPseudoType && !got.Equals(want) {
			t.Errorf("%s: %s is %#v, want %#v", n.Address, a.Name, got, want)
		}
	}
}

// checkUses adds the phases that an undone one uses, which are undone after it.
func checkUses(t tester, prog *expand.Program, n *expand.Node, o expandtest.Outcomes) {
	t.Helper()
	for _, address := range n.Uses {
		used, ok := prog.Node(address)
		if !ok || !used.Undo || !n.Undo {
			t.Fatalf("%s uses %s, which is not undone", n.Address, address)
		}
		if !slices.ContainsFunc(used.Edges, func(e expand.Edge) bool { return e.To == n.Address }) {
			t.Errorf("%s is undone before %s, which uses it", address, n.Address)
		}
		o[address] = expand.Outcome{Status: "succeeded", Outputs: known(used.Schema)}
		checkUses(t, prog, used, o)
	}
}

// known makes outputs for a schema.
func known(t *sdk.TypeDescription) cty.Value {
	vals := map[string]cty.Value{}
	for _, a := range t.Outputs {
		switch a.Type {
		case cty.Bool:
			vals[a.Name] = cty.True
		case cty.String, cty.DynamicPseudoType:
			vals[a.Name] = cty.StringVal("x")
		default:
			vals[a.Name] = cty.ListVal([]cty.Value{cty.StringVal("x")})
		}
	}
	return cty.ObjectVal(vals)
}
