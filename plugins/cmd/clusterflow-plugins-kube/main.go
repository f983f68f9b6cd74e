// Command clusterflow-plugins-kube is the built-in plugins that talk to Kubernetes,
// to be linked as clusterflow-plugin-controlplane and so on; see
// clusterflow-plugins for the light ones.
package main

import (
	"fmt"
	"os"

	"github.com/clusterflow/clusterflow/plugins/addons"
	"github.com/clusterflow/clusterflow/plugins/controlplane"
	"github.com/clusterflow/clusterflow/plugins/internal/multicall"
	"github.com/clusterflow/clusterflow/plugins/kubelet"
	"github.com/clusterflow/clusterflow/plugins/pki"
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
		{Name: "pki", Spec: pki.Spec},
		{Name: "kubelet", Spec: kubelet.Spec},
		{Name: "controlplane", Spec: controlplane.Spec},
		{Name: "addons", Spec: addons.Spec},
	}
}
