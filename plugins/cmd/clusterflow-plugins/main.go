// Command clusterflow-plugins is the built-in plugins that link neither etcd's nor
// Kubernetes' client, so that they start fast, in one binary. It is the plugin
// that its name says, so it is installed once and linked as
// clusterflow-plugin-core, clusterflow-plugin-preflight and so on; the name may
// also be its first argument. It is started by clusterflow, not by hand.
package main

import (
	"fmt"
	"os"

	"github.com/clusterflow/clusterflow/plugins/core"
	"github.com/clusterflow/clusterflow/plugins/internal/multicall"
	"github.com/clusterflow/clusterflow/plugins/preflight"
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
		{Name: "core", Spec: core.Spec},
		{Name: "preflight", Spec: preflight.Spec},
	}
}
