package etcd

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

// membershipConfig is the config of the phases that add a member and remove it.
type membershipConfig struct {
	Name      string           `cf:"name,required" doc:"Name of the member: that of the node."`
	Address   string           `cf:"address,required" doc:"IP address on which other members reach it."`
	PeerPort  int              `cf:"peer_port" default:"2380" doc:"Port on which they do."`
	Endpoints []string         `cf:"endpoints" doc:"Client URLs of members. Either this or cluster."`
	Cluster   *kubeapi.Cluster `cf:"cluster" doc:"The cluster, whose pods tell where the members are: output of controlplane.wait. Either this or endpoints."`
	CA        string           `cf:"ca,required" doc:"Path of the CA of etcd."`
	Client    keyPair          `cf:"client,required" doc:"Paths cert and key with which members are asked, such as those of healthcheck-client."`
	DataDir   string           `cf:"data_dir" default:"\"/var/lib/etcd\"" doc:"Directory of its data."`
	Within    time.Duration    `cf:"within" default:"\"2m\"" doc:"How long to try."`
}

func validateMembership(c membershipConfig) error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("name: must not be empty"))
	}
	if _, err := netip.ParseAddr(c.Address); err != nil {
		errs = append(errs, fmt.Errorf("address %q: want an IP address", c.Address))
	}
	if c.PeerPort < 1 || c.PeerPort > 65535 {
		errs = append(errs, fmt.Errorf("peer_port %d: want a port from 1 to 65535", c.PeerPort))
	}
	if c.Within <= 0 {
		errs = append(errs, errors.New("within: must be longer than zero"))
	}
	if (len(c.Endpoints) == 0) == (c.Cluster == nil) {
		errs = append(errs, errors.New("want either endpoints or cluster, to find the members"))
	}
	for _, e := range c.Endpoints {
		errs = append(errs, validEndpoint(e, externalConfig{CAFile: c.CA, CertFile: c.Client.Cert}))
	}
	return errors.Join(errs...)
}

func (c membershipConfig) node() node {
	return node{Name: c.Name, PeerURL: "https://" + hostPort(c.Address, c.PeerPort)}
}

func (c membershipConfig) access(pool *kubeapi.Pool, workDir string) access {
	a := access{
		Endpoints: c.Endpoints, pool: pool, CAFile: hostpath.Abs(workDir, c.CA),
		CertFile: hostpath.Abs(workDir, c.Client.Cert), KeyFile: hostpath.Abs(workDir, c.Client.Key),
	}
	if c.Cluster != nil {
		a.kubeconfig = c.Cluster.Path(workDir)
	}
	return a
}

// membershipAccess is what these phases touch.
func membershipAccess() []sdk.Access {
	return []sdk.Access{
		{Kind: sdk.AccessNet, What: "config.endpoints, config.cluster", Write: true},
		{Kind: sdk.AccessPath, What: "config.ca, config.client, config.data_dir"},
	}
}
