// Command clusterflow-plugin-etcd stands in for the built-in plugin etcd where
// somebody else runs the database. It is started by clusterflow, not by hand.
package main

import (
	"example.org/external-etcd/etcd"

	"github.com/clusterflow/clusterflow/sdk"
)

func main() { sdk.Main(etcd.Spec()) }
