package expand_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/expand/expandtest"
)

func TestSmoke(t *testing.T) {
	fsys := fstest.MapFS{"init.hcl": {Data: []byte(`
variable "dir" {
  type = string
  default = "/etc/kubernetes/pki"
}
module "certs" {
  source = "./modules/certs"
  dir = var.dir
}
phase "demo.echo" "end" {
  text = module.certs.files["apiserver"]
  value = module.certs.all
  when = phase.st.ok
}
phase "demo.echo" "st" {
  text = "x ${phase.tok.id}"
  count_of = phase.tok.status == "failed" ? 1 : 2
  timeout = "5m"
  depends_on = [module.certs]
}
phase "demo.secret" "tok" { token = "abc" }
output "x" { 
 value = phase.tok.token
 sensitive = true
 }
`)}, "modules/certs/main.hcl": {Data: []byte(`
variable "dir" { type = string }
locals {
  leaves = {
    "apiserver" = { ca = "ca", sans = ["a"] }
    "front" = { ca = "front-ca", sans = [] }
  }
}
phase "pki.ca" "ca" {
  for_each = toset(["ca", "front-ca"])
  dir = var.dir
  base = each.key
}
phase "pki.cert" "leaf" {
  for_each = local.leaves
  ca = phase.ca[each.value.ca]
  base = each.key
  sans = each.value.sans
}
output "files" { value = { "apiserver" = phase.leaf["apiserver"].cert, front = phase.leaf["front"].cert } }
output "all" { value = phase.leaf }
`)}}
	p, diags := config.Load(fsys, "init.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	prog, diags := expand.Expand(p, nil, expandtest.New())
	if diags.HasErrors() {
		for _, d := range diags {
			t.Error(d, "\n", d.Detail)
		}
		t.FailNow()
	}
	for _, n := range prog.Nodes {
		c, diags := n.Config(nil)
		fmt.Println(n.Address, n.Timeout)
		for _, e := range n.Edges {
			fmt.Println("   ", e.Kind, e.To, e.Ref, e.Range)
		}
		fmt.Printf("   %#v %v\n", c, diags)
	}
	fmt.Println(prog.Outputs(expand.NoOutcomes{}))
	fmt.Println(prog.Graph.Order())
}
