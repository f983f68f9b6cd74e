package docs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/lock"
	"github.com/clusterflow/clusterflow/plugins/addons"
	"github.com/clusterflow/clusterflow/plugins/controlplane"
	"github.com/clusterflow/clusterflow/plugins/core"
	"github.com/clusterflow/clusterflow/plugins/etcd"
	"github.com/clusterflow/clusterflow/plugins/pki"
	"github.com/clusterflow/clusterflow/plugins/preflight"
	"github.com/clusterflow/clusterflow/sdk"
)

// TestExamples checks the examples of the language in all documents: they are
// formatted, and each is a pipeline that loads and expands with the built-in
// plugins, or a lock file.
func TestExamples(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen, whole := 0, 0
	for _, path := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, example := range examples(string(text)) {
			seen++
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(path), i+1), func(t *testing.T) {
				if problem := check(example); problem != "" {
					t.Errorf("%s:\n\n%s\n%s", path, example, problem)
				}
			})
			if pipeline(example) {
				whole++
			}
		}
	}
	if seen < 6 || whole < 3 {
		t.Errorf("found %d examples, %d of them with phases: are they marked as hcl?", seen, whole)
	}
}

// TestExamplesOfTypes does the same for the examples that the plugins give of
// their own types, as far as they stand alone.
func TestExamplesOfTypes(t *testing.T) {
	for _, spec := range specs() {
		for _, typ := range spec.Types {
			if _, diags := hclsyntax.ParseConfig([]byte(typ.Example), "example.hcl", hcl.InitialPos); diags.HasErrors() {
				t.Errorf("%s.%s: %s", spec.Name, typ.Name, diags.Error())
			}
		}
	}
}

func examples(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```hcl\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

func pipeline(example string) bool {
	return regexp.MustCompile(`(?m)^(phase|finally) "`).MatchString(example)
}

// beside are the files that examples speak of.
func beside() fstest.MapFS {
	return fstest.MapFS{
		"config/cluster.hcl":     {Data: []byte(`variable "cluster_name" { default = "demo" }`)},
		"modules/certs/main.hcl": {Data: []byte(`variable "dir" {}`)},
		"modules/node/main.hcl":  {Data: []byte(`variable "name" {}`)},
	}
}

// check returns what is wrong with an example.
func check(example string) string {
	if string(hclwrite.Format([]byte(example))) != example {
		return "it is not formatted as clusterflow fmt does it"
	}
	if locked, diags := lock.Parse([]byte(example), config.LockFile); !diags.HasErrors() && len(locked.Entries) > 0 {
		return ""
	}
	files := beside()
	files["example.hcl"] = &fstest.MapFile{Data: []byte(example)}
	p, diags := config.Load(files, "example.hcl")
	if !diags.HasErrors() {
		_, diags = expand.Expand(p, map[string]expand.VarInput{"node": {Raw: `{ name = "cp1" }`, Shared: true}}, builtin{})
	}
	if !diags.HasErrors() {
		return ""
	}
	var b strings.Builder
	diag.Write(&b, p.Files, diags, diag.Options{})
	return b.String()
}

func specs() []sdk.Spec {
	return []sdk.Spec{addons.Spec(), controlplane.Spec(), core.Spec(), etcd.Spec(), pki.Spec(), preflight.Spec()}
}

// builtin are the schemas of the built-in plugins.
type builtin struct{}

// Type implements [expand.Schemas].
func (builtin) Type(plugin, typ string) (sdk.TypeDescription, error) {
	missing := &expand.NotFoundError{Plugin: plugin}
	for _, spec := range specs() {
		missing.Known = append(missing.Known, spec.Name)
		if spec.Name != plugin {
			continue
		}
		d, err := sdk.Direct(spec).Describe(context.Background()) // it reads nothing
		if err != nil {
			return sdk.TypeDescription{}, err
		}
		if t, ok := d.Type(typ); ok {
			return t, nil
		}
		return sdk.TypeDescription{}, &expand.NotFoundError{Plugin: plugin, Type: typ}
	}
	return sdk.TypeDescription{}, missing
}

// Function implements [expand.Schemas].
func (builtin) Function(plugin, name string) (sdk.Function, error) {
	for _, spec := range specs() {
		i := slices.IndexFunc(spec.Functions, func(f sdk.Function) bool { return f.Name == name })
		if spec.Name == plugin && i >= 0 {
			return spec.Functions[i], nil
		}
	}
	return sdk.Function{}, &expand.NotFoundError{Plugin: plugin, Function: name}
}
