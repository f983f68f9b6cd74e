// Command clusterflow-plugin-site checks the rules of one site. It is started by
// clusterflow, not by hand.
package main

import (
	"example.org/external-etcd/site"

	"github.com/clusterflow/clusterflow/sdk"
)

func main() { sdk.Main(site.Spec()) }
