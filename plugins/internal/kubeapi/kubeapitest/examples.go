package kubeapitest

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// Examples checks that every example in the docs of a plugin is a valid phase of
// its type. Unlike those of [phasetest.Examples] they may refer to the cluster,
// phase.control_plane.cluster or, on a node that joins, phase.discovery.cluster,
// and to a token, phase.discovery.token or phase.bootstrap_token.id.
func Examples(t *testing.T, spec sdk.Spec) {
	t.Helper()
	if err := sdk.ValidateSpec(spec); err != nil {
		t.Fatal(err)
	}
	scope := &hcl.EvalContext{Variables: map[string]cty.Value{"phase": cty.ObjectVal(map[string]cty.Value{
		"control_plane":   cty.ObjectVal(map[string]cty.Value{"cluster": ClusterValue("/etc/kubernetes/admin.conf")}),
		"discovery":       cty.ObjectVal(map[string]cty.Value{"cluster": ClusterValue("/etc/kubernetes/discovery.conf"), "token": cty.StringVal("abcdef.0123456789abcdef")}),
		"bootstrap_token": cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal("abcdef")}),
	})}}
	for _, typ := range spec.Types {
		t.Run(typ.Name, func(t *testing.T) {
			config := exampleConfig(t, spec.Name+"."+typ.Name, typ.Example, scope)
			if problem := phasetest.New(t, spec, typ.Name, config).Validate(t); problem != "" {
				t.Errorf("%s\nin\n%s", problem, typ.Example)
			}
		})
	}
}

// ClusterValue is the output cluster of a phase controlplane.wait.
func ClusterValue(kubeconfig string) cty.Value {
	return sdk.Encode(kubeapi.Cluster{Kubeconfig: kubeconfig, Server: "https://127.0.0.1:6443"})
}

// exampleConfig reads the arguments of the one phase block of an example.
func exampleConfig(t *testing.T, fullName, example string, scope *hcl.EvalContext) map[string]cty.Value {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(example), "example.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\nin\n%s", diags, example)
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok || len(body.Blocks) != 1 || body.Blocks[0].Type != "phase" || len(body.Blocks[0].Labels) != 2 || body.Blocks[0].Labels[0] != fullName {
		t.Fatalf("want one block, phase %q \"name\":\n%s", fullName, example)
	}
	config := map[string]cty.Value{}
	for name, attr := range body.Blocks[0].Body.Attributes {
		v, diags := attr.Expr.Value(scope)
		if diags.HasErrors() {
			t.Fatalf("%v\nin\n%s", diags, example)
		}
		config[name] = v
	}
	return config
}
