package etcd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type leaveConfig struct {
	Name      string           `cf:"name,required" doc:"Name of the member: that of the node."`
	Address   string           `cf:"address,required" doc:"IP address on which other members reach it."`
	PeerPort  int              `cf:"peer_port" default:"2380" doc:"Port on which they do."`
	Endpoints []string         `cf:"endpoints" doc:"Client URLs of members. Either this or cluster."`
	Cluster   *kubeapi.Cluster `cf:"cluster" doc:"The cluster, whose pods tell where the members are: output of controlplane.wait. Either this or endpoints."`
	CA        string           `cf:"ca,required" doc:"Path of the CA of etcd."`
	Client    keyPair          `cf:"client,required" doc:"Paths cert and key with which members are asked, such as those of healthcheck-client."`
	DataDir   string           `cf:"data_dir" default:"\"/var/lib/etcd\"" doc:"Directory of its data, which tells of the others when etcd does not run here."`
	Within    time.Duration    `cf:"within" default:"\"2m\"" doc:"How long to try."`
	GiveUp    bool             `cf:"give_up" doc:"Only warn if the member cannot leave, because nobody answers or the others would lose their quorum: the cluster is given up."`
}

func (c leaveConfig) membership() membershipConfig {
	return membershipConfig{
		Name: c.Name, Address: c.Address, PeerPort: c.PeerPort, Endpoints: c.Endpoints, Cluster: c.Cluster,
		CA: c.CA, Client: c.Client, DataDir: c.DataDir, Within: c.Within,
	}
}

type leaveOutputs struct{}

func leaveType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[leaveConfig, leaveOutputs]{
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
		Validate: func(c leaveConfig) error { return validateMembership(c.membership()) },
		Build: func(_ context.Context, in resource.Input[leaveConfig]) (resource.Work[leaveOutputs], error) {
			c := in.Config.membership()
			return resource.Work[leaveOutputs]{Resources: []resource.Resource{&leaving{
				node: c.node(), access: c.access(pool, in.WorkDir),
				dataDir: hostpath.Abs(in.WorkDir, c.DataDir), within: c.Within,
				giveUp: in.Config.GiveUp,
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
	giveUp  bool
}

var _ resource.Resource = (*leaving)(nil)

// ID is of the kind of actions: there is nothing to record.
func (l *leaving) ID() resource.ID {
	return resource.ID{Kind: "action", Target: "leave etcd as " + l.node.Name}
}

// Diff asks whether there are others, and whether they can do without this one: a
// plan that cannot be carried out is none.
func (l *leaving) Diff(ctx context.Context) (sdk.Change, error) {
	stored := l.stored()
	l.access.alsoAsk(stored)
	members, err := l.access.members(ctx)
	self := l.node.in(members)
	switch {
	case err != nil && stored != nil && len(stored.members) <= 1:
		return sdk.Change{}, nil
	case err != nil && l.giveUp:
		l.warn(ctx, err)
		return sdk.Change{}, nil
	case err != nil:
		resource.Warn(ctx, fmt.Sprintf("%s cannot leave its etcd cluster now: %v", l.node.Name, err),
			fmt.Sprintf("It tries for %s, and nothing on this host is changed before. Bring the other members back, or %s", l.within, giveUpHint))
		return sdk.Change{Op: sdk.OpRun, Reason: "the members cannot be asked yet: " + err.Error()}, nil
	case self == nil:
		return sdk.Change{}, nil
	case len(members) == 1:
		resource.Warn(ctx, fmt.Sprintf("%s is the last member of its etcd cluster and stays in it", l.node.Name),
			"With it the cluster ends, and all that it stores.")
		return sdk.Change{}, nil
	}
	if err := l.admit(ctx, members, self); err != nil {
		if l.giveUp {
			l.warn(ctx, err)
			return sdk.Change{}, nil
		}
		return sdk.Change{}, err
	}
	return sdk.Change{Op: sdk.OpRun, Reason: fmt.Sprintf("is one of %d members", len(members)), Disruptive: !self.IsLearner}, nil
}

// admit refuses to leave others without a quorum.
func (l *leaving) admit(ctx context.Context, members []*etcdapi.Member, self *etcdapi.Member) error {
	if self.IsLearner {
		return nil
	}
	rest, _ := others(members, self)
	return l.access.quorumOf(ctx, rest)
}

func (l *leaving) warn(ctx context.Context, err error) {
	resource.Warn(ctx, fmt.Sprintf("%s does not leave its etcd cluster: %v", l.node.Name, err),
		"If the others go on, one of them has to remove it: etcdctl member list, etcdctl member remove ID.")
}

// Render leaves.
func (l *leaving) Render(ctx context.Context) error {
	err := l.access.remove(ctx, l.node, l.within)
	if err != nil && l.giveUp && ctx.Err() == nil {
		l.warn(ctx, err)
		return nil
	}
	return err
}

// Remove does nothing.
func (l *leaving) Remove(context.Context) error { return nil }

// stored is what the data of this host tells; nil if etcd runs, or it tells nothing.
func (l *leaving) stored() *storedCluster {
	members, err := readMembers(filepath.Join(l.dataDir, "member", "snap", "db"))
	if err != nil {
		return nil
	}
	return &storedCluster{members}
}

// storedCluster is a cluster as the data of a member tells it.
type storedCluster struct{ members []storedMember }

// alsoAsk adds the members that are stored to those that are asked.
func (a *access) alsoAsk(c *storedCluster) {
	if c == nil || len(a.Endpoints) == 0 {
		return
	}
	endpoints := slices.Clone(a.Endpoints)
	for _, m := range c.members {
		for _, url := range m.ClientURLs {
			if !slices.Contains(endpoints, url) {
				endpoints = append(endpoints, url)
			}
		}
	}
	a.Endpoints = endpoints
}
