// Package etcd is the plugin that provides a cluster's database: an etcd that it
// runs as a static pod or as a local process, or one that others run.
//
// Every phase type that provides one has an output client of the same shape, so that a
// pipeline can swap one for another.
package etcd

import (
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	pool := kubeapi.NewPool() // the plugin's phases share connections
	return sdk.Spec{
		Name: "etcd", Version: "dev",
		Doc: "The database of a cluster: etcd as a static pod or as a local process, or one that others run.",
		Types: []sdk.Type{
			memberType(), processType(), externalType(), joinType(pool), promoteType(pool), leaveType(pool), noDataType(),
		},
	}
}

// client is what an API server needs to reach etcd.
type client struct {
	Endpoints []string `cf:"endpoints,required"`
	CAFile    string   `cf:"ca_file"`
	CertFile  string   `cf:"cert_file"`
	KeyFile   string   `cf:"key_file"`
}

// outputs are those of the types whose etcd runs when the phase ends.
type outputs struct {
	Client  client `cf:"client" doc:"What an API server needs: endpoints, ca_file, cert_file and key_file."`
	Version string `cf:"version,late" doc:"Version of etcd, such as \"3.6.8\". With several endpoints it is the lowest."`
}
