// Package preflight is the plugin that looks at a host before anything is changed
// on it, and says everything that stands in the way at once.
//
// Checks carry kubeadm's names. They only read; what they find is for a person to
// mend. A check that is not here yet is an unknown name, never a pass.
package preflight

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	said := &memory{}
	return sdk.Spec{
		Name: "preflight", Version: "dev",
		Doc:   "Checks a host before anything is changed on it.",
		Types: []sdk.Type{hostType(said), imageType(), nodeType(said), scriptType()},
	}
}

// attrError puts an error on one config attribute.
func attrError(name string, err error) error {
	return cty.Path{cty.GetAttrStep{Name: name}}.NewError(err)
}
