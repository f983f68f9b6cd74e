// Package site is a plugin with checks that one site makes of its hosts: how they
// are named, and that the data disk is the one that is meant for it.
//
// It shows how little a check of one's own takes. It changes nothing.
package site

import (
	"github.com/clusterflow/clusterflow/sdk"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	return sdk.Spec{
		Name: "site", Version: "1.0.0",
		Doc:   "The rules of this site for its hosts.",
		Types: []sdk.Type{namingType(), diskType(procMounts, byLabel)},
	}
}
