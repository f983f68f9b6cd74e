package etcd

import (
	"context"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type joinOutputs struct {
	InitialCluster []peer `cf:"initial_cluster,late" doc:"All members, this one among them: objects with name and peer_url, for etcd.member."`
	MemberID       string `cf:"member_id,late" doc:"Id of this member, in hexadecimal digits."`
}

func joinType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[membershipConfig, joinOutputs]{
		Name: "join",
		Doc: "Makes this host a member of an etcd cluster, as a learner: it gets the data and does not vote, so that nothing depends on it yet. " +
			"etcd.member starts it, etcd.promote makes it vote. etcd takes one learner at a time, so hosts that join at once wait for each other. " +
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
		Access:   membershipAccess(),
		Kinds:    []resource.Kind{learnerKind(pool)},
		Validate: validateMembership,
		Build: func(_ context.Context, in resource.Input[membershipConfig]) (resource.Work[joinOutputs], error) {
			c := in.Config
			l := &learner{
				Node: c.node(), Access: c.access(pool, in.WorkDir),
				dataDir: hostpath.Abs(in.WorkDir, c.DataDir), within: c.Within,
			}
			return resource.Work[joinOutputs]{Resources: []resource.Resource{l}, Outputs: l.outputs}, nil
		},
	}.Type()
}
