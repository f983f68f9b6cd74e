// Command clusterflow-plugins-etcd is the built-in plugin that talks to etcd, to be
// linked as clusterflow-plugin-etcd; see clusterflow-plugins for the light ones.
package main

import (
	"fmt"
	"os"

	"github.com/clusterflow/clusterflow/plugins/etcd"
	"github.com/clusterflow/clusterflow/plugins/internal/multicall"
	"github.com/clusterflow/clusterflow/sdk"
)

// version is set by the linker.
var version = "dev"

func main() {
	spec, err := multicall.Choose(os.Args, plugins())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	spec.Version = version
	sdk.Main(spec)
}

func plugins() []multicall.Plugin {
	return []multicall.Plugin{
		{Name: "etcd", Spec: etcd.Spec},
	}
}
