package etcd

import (
	"context"
	"errors"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type joinConfig struct {
	Name       string           `cf:"name,required" doc:"Name of the member: that of the node."`
	Address    string           `cf:"address,required" doc:"IP address on which other members reach it."`
	PeerPort   int              `cf:"peer_port" default:"2380" doc:"Port on which they do."`
	Endpoints  []string         `cf:"endpoints" doc:"Client URLs of members. Either this or cluster."`
	Cluster    *kubeapi.Cluster `cf:"cluster" doc:"The cluster, whose pods tell where the members are, with the kubeconfig of an administrator. Either this or endpoints."`
	CA         string           `cf:"ca,required" doc:"Path of the CA of etcd."`
	Client     keyPair          `cf:"client,required" doc:"Paths cert and key with which members are asked, such as those of healthcheck-client."`
	DataDir    string           `cf:"data_dir" default:"\"/var/lib/etcd\"" doc:"Directory of its data."`
	Within     time.Duration    `cf:"within" default:"\"2m\"" doc:"How long to try, once it is the turn of this host."`
	TurnWithin time.Duration    `cf:"turn_within" default:"\"10m\"" doc:"How long to wait for the turn while others join."`
}

// membership is what it shares with the other phases.
func (c joinConfig) membership() membershipConfig {
	return membershipConfig{
		Name: c.Name, Address: c.Address, PeerPort: c.PeerPort, Endpoints: c.Endpoints, Cluster: c.Cluster,
		CA: c.CA, Client: c.Client, DataDir: c.DataDir, Within: c.Within,
	}
}

type joinOutputs struct {
	InitialCluster []peer `cf:"initial_cluster,late" doc:"All members, this one among them: objects with name and peer_url, for etcd.member."`
	MemberID       string `cf:"member_id,late" doc:"Id of this member, in hexadecimal digits."`
}

func joinType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[joinConfig, joinOutputs]{
		Name: "join",
		Doc: "Makes this host a member of an etcd cluster, as a learner: it gets the data and does not vote, so that nothing depends on it yet. " +
			"etcd.member starts it, etcd.promote makes it vote. etcd takes one learner at a time, so hosts that join at once take turns, by a Lease " +
			"if cluster is set: from here to the end of etcd.promote. A host that dies meanwhile loses its turn, and its learner is removed. " +
			"A member of this name or address that has no data in data_dir is a left-over of an earlier try, and removed first. Undo takes it out of the cluster again, unless that would cost the others their quorum.",
		Example: `phase "etcd.join" "etcd_join" {
  name      = "n2"
  address   = "192.0.2.11"
  endpoints = ["https://192.0.2.10:2379"]
  ca        = "/etc/kubernetes/pki/etcd/ca.crt"
  client = {
    cert = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
    key  = "/etc/kubernetes/pki/etcd/healthcheck-client.key"
  }
}`,
		Access: append(membershipAccess(), sdk.Access{Kind: sdk.AccessKube, What: "Lease clusterflow-etcd-join in kube-system", Write: true}),
		Kinds:  []resource.Kind{learnerKind(pool)},
		Validate: func(c joinConfig) error {
			if c.TurnWithin <= 0 {
				return errors.New("turn_within: must be longer than zero")
			}
			return validateMembership(c.membership())
		},
		Build: func(_ context.Context, in resource.Input[joinConfig]) (resource.Work[joinOutputs], error) {
			c := in.Config.membership()
			l := &learner{
				Node: c.node(), Access: c.access(pool, in.WorkDir),
				dataDir: hostpath.Abs(in.WorkDir, c.DataDir), within: c.Within, turnWithin: in.Config.TurnWithin,
			}
			return resource.Work[joinOutputs]{Resources: []resource.Resource{l}, Outputs: l.outputs}, nil
		},
	}.Type()
}
