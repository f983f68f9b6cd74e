package expand_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

// TestPrograms shows what pipelines become: every node with its edges, whether it
// runs, and its config. A file called outcomes holds lines ADDRESS STATUS OUTPUTS;
// "error" instead of outputs sets the error.
func TestPrograms(t *testing.T) {
	paths, err := filepath.Glob("testdata/programs/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files, want := fstest.MapFS{}, ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				files[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			got := describe(t, files)
			if got == want {
				return
			}
			if os.Getenv("UPDATE_GOLDEN") == "" {
				t.Fatalf("(-want +got):\n%s", gocmp.Diff(want, got))
			}
			archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func describe(t *testing.T, files fstest.MapFS) string {
	t.Helper()
	prog := mustExpand(t, files, variables(files))
	o := outcomes(t, files)
	var b strings.Builder
	for _, n := range prog.Nodes {
		run, known, diags := n.When(o)
		fmt.Fprintf(&b, "%s%s%s\n", n.Address, when(n), runs(run, known))
		problems(&b, diags)
		for _, e := range n.Edges {
			fmt.Fprintf(&b, "  %-6s %s by %s (%s:%d)\n", e.Kind, e.To, e.Ref, e.Range.Filename, e.Range.Start.Line)
		}
		for _, address := range n.Uses {
			fmt.Fprintf(&b, "  uses   %s\n", address)
		}
		if known && !run {
			continue
		}
		config, diags := n.Config(o)
		problems(&b, diags)
		for _, name := range attributes(config) {
			if v := config.GetAttr(name); !v.IsNull() {
				fmt.Fprintf(&b, "  %s = %s\n", name, show(v))
			}
		}
		problems(&b, n.Preconditions(o))
		if _, ended := o.Outcome(n.Address); ended {
			problems(&b, n.Postconditions(o))
		}
	}
	outputs, diags := prog.Outputs(o)
	problems(&b, diags)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range outputs {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "output %s = %s\n", name, show(outputs[name].Value))
	}
	return b.String()
}

func when(n *expand.Node) string {
	switch {
	case n.Undo:
		return " (undo)"
	case n.Finally:
		return " (finally)"
	default:
		return ""
	}
}

func runs(run, known bool) string {
	switch {
	case !known:
		return " (may run)"
	case !run:
		return " (skipped)"
	default:
		return ""
	}
}

func problems(b *strings.Builder, diags hcl.Diagnostics) {
	for _, d := range diags {
		fmt.Fprintf(b, "  ! %s:%d %s: %s\n", d.Subject.Filename, d.Subject.Start.Line, d.Summary, strings.ReplaceAll(d.Detail, "\n", " "))
	}
}

func mustExpand(tb testing.TB, files fstest.MapFS, vars map[string]expand.VarInput) *expand.Program {
	tb.Helper()
	p, diags := config.Load(files, "init.hcl")
	if diags.HasErrors() {
		tb.Fatalf("load: %v", diags)
	}
	prog, diags := expand.Expand(p, vars, expandtest.New())
	if diags.HasErrors() {
		tb.Fatalf("expand: %v: %s", diags, diags[0].Detail)
	}
	return prog
}

func outcomes(t *testing.T, files fstest.MapFS) expandtest.Outcomes {
	t.Helper()
	o := expandtest.Outcomes{}
	if files["outcomes"] == nil {
		return o
	}
	for line := range strings.Lines(string(files["outcomes"].Data)) {
		address, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		status, text, _ := strings.Cut(rest, " ")
		out := expand.Outcome{Status: status}
		if message, failed := strings.CutPrefix(text, "error "); failed {
			out.Error = message
		} else if text != "" {
			expr, diags := hclsyntax.ParseExpression([]byte(text), "outcomes", hcl.InitialPos)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if out.Outputs, diags = expr.Value(nil); diags.HasErrors() {
				t.Fatal(diags)
			}
		}
		o[address] = out
	}
	return o
}

func attributes(v cty.Value) []string {
	var all []string
	for name := range v.Type().AttributeTypes() {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// show renders a value in one line.
func show(v cty.Value) string {
	switch t := v.Type(); {
	case v.IsMarked():
		return "(sensitive)"
	case !v.IsKnown():
		return "(unknown)"
	case v.IsNull():
		return "null"
	case t == cty.String:
		return fmt.Sprintf("%q", v.AsString())
	case t == cty.Number:
		return v.AsBigFloat().Text('g', 10)
	case t == cty.Bool:
		return fmt.Sprint(v.True())
	case t.IsObjectType(), t.IsMapType():
		var parts []string
		for k, e := range v.Elements() {
			parts = append(parts, k.AsString()+" = "+show(e))
		}
		slices.SortFunc(parts, cmp.Compare)
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		var parts []string
		for _, e := range v.Elements() {
			parts = append(parts, show(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
}
