package etcd

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type leaveOutputs struct{}

func leaveType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[membershipConfig, leaveOutputs]{
		Name: "leave",
		Doc: "Takes this host's member out of its etcd cluster, while etcd still runs. It refuses when the others would lose their quorum. " +
			"The last member stays: the cluster ends with it. " +
			"If no member answers and etcd does not run here, its data in data_dir tells whether there are others. There is nothing to undo.",
		Example: `phase "etcd.leave" "leave" {
  name      = "n2"
  address   = "192.0.2.11"
  endpoints = ["https://192.0.2.10:2379", "https://192.0.2.11:2379", "https://192.0.2.12:2379"]
  ca        = "/etc/kubernetes/pki/etcd/ca.crt"
  client = {
    cert = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
    key  = "/etc/kubernetes/pki/etcd/healthcheck-client.key"
  }
}`,
		Access:   membershipAccess(),
		Validate: validateMembership,
		Build: func(_ context.Context, in resource.Input[membershipConfig]) (resource.Work[leaveOutputs], error) {
			c := in.Config
			return resource.Work[leaveOutputs]{Resources: []resource.Resource{&leaving{
				node: c.node(), access: c.access(pool, in.WorkDir),
				dataDir: hostpath.Abs(in.WorkDir, c.DataDir), within: c.Within,
			}}}, nil
		},
	}.Type()
}

// leaving is the resource "this host is in no cluster with others".
type leaving struct {
	node    node
	access  access
	dataDir string
	within  time.Duration
}

var _ resource.Resource = (*leaving)(nil)

// ID is of the kind of actions: there is nothing to record.
func (l *leaving) ID() resource.ID {
	return resource.ID{Kind: "action", Target: "leave etcd as " + l.node.Name}
}

// Diff asks whether there are others.
func (l *leaving) Diff(ctx context.Context) (sdk.Change, error) {
	members, err := l.access.members(ctx)
	self := l.node.in(members)
	switch {
	case err != nil && l.alone():
		return sdk.Change{}, nil
	case err != nil:
		return sdk.Change{Op: sdk.OpRun, Reason: "the members cannot be asked yet: " + err.Error()}, nil
	case self == nil:
		return sdk.Change{}, nil
	case len(members) == 1:
		resource.Warn(ctx, fmt.Sprintf("%s is the last member of its etcd cluster and stays in it", l.node.Name), "")
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpRun, Reason: fmt.Sprintf("is one of %d members", len(members)), Disruptive: !self.IsLearner}, nil
}

// Render leaves.
func (l *leaving) Render(ctx context.Context) error {
	return l.access.remove(ctx, l.node, l.within)
}

// Remove does nothing.
func (l *leaving) Remove(context.Context) error { return nil }

// alone reports that the data of this host, whose etcd does not run, tells of no
// other member.
func (l *leaving) alone() bool {
	members, err := readMembers(filepath.Join(l.dataDir, "member", "snap", "db"))
	return err == nil && len(members) <= 1
}
