// Command clusterflow-plugins is all built-in plugins in one binary. It is the
// plugin that its name says, so it is installed once and linked as
// clusterflow-plugin-core, clusterflow-plugin-preflight and so on; the name may
// also be its first argument. It is started by clusterflow, not by hand.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/addons"
	"github.com/clusterflow/clusterflow/plugins/controlplane"
	"github.com/clusterflow/clusterflow/plugins/core"
	"github.com/clusterflow/clusterflow/plugins/etcd"
	"github.com/clusterflow/clusterflow/plugins/kubelet"
	"github.com/clusterflow/clusterflow/plugins/pki"
	"github.com/clusterflow/clusterflow/plugins/preflight"
	"github.com/clusterflow/clusterflow/sdk"
)

const prefix = "clusterflow-plugin-"

// version is set by the linker.
var version = "dev"

func main() {
	spec, err := choose(os.Args, specs())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		usage(os.Stderr, specs())
		os.Exit(2)
	}
	spec.Version = version
	sdk.Main(spec)
}

// specs are the built-in plugins.
func specs() []sdk.Spec {
	return []sdk.Spec{
		core.Spec(),
		preflight.Spec(),
		pki.Spec(),
		kubelet.Spec(),
		etcd.Spec(),
		controlplane.Spec(),
		addons.Spec(),
	}
}

// choose finds the plugin that args ask for: by the name of the program, or by
// the first argument.
func choose(args []string, specs []sdk.Spec) (sdk.Spec, error) {
	var program string
	if len(args) > 0 {
		program = filepath.Base(args[0])
	}
	name, linked := strings.CutPrefix(program, prefix)
	switch {
	case linked:
	case len(args) > 1:
		name = args[1]
	default:
		return sdk.Spec{}, fmt.Errorf("choose plugin: neither the name %q nor an argument says which", program)
	}
	for _, s := range specs {
		if s.Name == name {
			return s, nil
		}
	}
	return sdk.Spec{}, fmt.Errorf("choose plugin: there is no built-in plugin %q", name)
}

func usage(w io.Writer, specs []sdk.Spec) {
	fmt.Fprintf(w, "\nThis binary holds the built-in plugins of clusterflow. Link it under the name of one,\n"+
		"%s<name>, beside the clusterflow binary:\n\n", prefix)
	for _, s := range specs {
		fmt.Fprintf(w, "  %-14s %s\n", s.Name, s.Doc)
	}
}
