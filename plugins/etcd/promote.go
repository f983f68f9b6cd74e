package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type promoteConfig struct {
	Name      string           `cf:"name,required" doc:"Name of the member: that of the node."`
	Address   string           `cf:"address,required" doc:"IP address on which other members reach it."`
	PeerPort  int              `cf:"peer_port" default:"2380" doc:"Port on which they do."`
	Endpoints []string         `cf:"endpoints" doc:"Client URLs of members. Either this or cluster."`
	Cluster   *kubeapi.Cluster `cf:"cluster" doc:"The cluster, whose pods tell where the members are. Either this or endpoints."`
	CA        string           `cf:"ca,required" doc:"Path of the CA of etcd."`
	Client    keyPair          `cf:"client,required" doc:"Paths cert and key with which members are asked, such as those of healthcheck-client."`
	CRISocket string           `cf:"cri_socket" doc:"Socket of the container runtime that runs etcd as a static pod. A learner that does not serve clients, because etcd missed that it is announced, is started again through it, which saves seven seconds. Empty: it is waited for."`
	Within    time.Duration    `cf:"within" default:"\"4m\"" doc:"How long to wait until it runs and has all data. A large database over a slow link takes longer."`
}

type promoteOutputs struct {
	MemberID string `cf:"member_id,late" doc:"Id of this member, in hexadecimal digits."`
}

func promoteType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[promoteConfig, promoteOutputs]{
		Name: "promote",
		Doc: "Waits until a member that joined as a learner runs, serves clients and has all data, makes it vote, and waits until it answers. " +
			"Let it depend on the phases that start the member and the kubelet. Undo takes the member out of the cluster while it still runs, " +
			"unless that would cost the others their quorum.",
		Example: `phase "etcd.promote" "etcd_promote" {
  name      = "n2"
  address   = "192.0.2.11"
  endpoints = ["https://192.0.2.10:2379"]
  ca        = "/etc/kubernetes/pki/etcd/ca.crt"
  client = {
    cert = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
    key  = "/etc/kubernetes/pki/etcd/healthcheck-client.key"
  }
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessNet, What: "config.endpoints, config.cluster", Write: true},
			{Kind: sdk.AccessPath, What: "config.ca, config.client"},
			{Kind: sdk.AccessPath, What: "config.cri_socket", Write: true},
		},
		Kinds: []resource.Kind{voterKind(pool)},
		Validate: func(c promoteConfig) error {
			if c.CRISocket != "" {
				if _, err := cri.Address(c.CRISocket); err != nil {
					return fmt.Errorf("cri_socket: %w", err)
				}
			}
			return validateMembership(c.membership())
		},
		Build: func(_ context.Context, in resource.Input[promoteConfig]) (resource.Work[promoteOutputs], error) {
			c := in.Config.membership()
			v := &voter{Node: c.node(), Access: c.access(pool, in.WorkDir), within: c.Within, nudge: nudge{socket: in.Config.CRISocket}}
			return resource.Work[promoteOutputs]{Resources: []resource.Resource{v}, Outputs: v.outputs}, nil
		},
	}.Type()
}

// membership is the same config as that of the other phases, without data.
func (c promoteConfig) membership() membershipConfig {
	return membershipConfig{
		Name: c.Name, Address: c.Address, PeerPort: c.PeerPort, Endpoints: c.Endpoints, Cluster: c.Cluster,
		CA: c.CA, Client: c.Client, Within: c.Within,
	}
}

// voter is the resource "this host's member votes".
type voter struct {
	Node   node   `json:"node"`
	Access access `json:"access"`

	within time.Duration
	turn   *turn
	nudge  nudge
}

var _ resource.Resource = (*voter)(nil)

func voterKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: "etcd-voter", Restore: func(state json.RawMessage) (resource.Resource, error) {
		var v voter
		if err := json.Unmarshal(state, &v); err != nil {
			return nil, fmt.Errorf("read record of an etcd member: %w", err)
		}
		v.Access.pool = pool
		return &v, nil
	}}
}

func (v *voter) ID() resource.ID {
	return resource.ID{Kind: "etcd-voter", Target: v.Node.Name + "=" + v.Node.PeerURL}
}

// Diff asks whether it votes.
func (v *voter) Diff(ctx context.Context) (sdk.Change, error) {
	members, err := v.Access.members(ctx)
	if err != nil {
		return sdk.Change{Op: sdk.OpCreate, Reason: "the members cannot be asked yet: " + err.Error()}, nil
	}
	self := v.Node.in(members)
	_, urls := others(members, self)
	v.Access.remember(urls)
	switch {
	case self == nil:
		return sdk.Change{Op: sdk.OpCreate, Reason: "not a member yet"}, nil
	case self.IsLearner:
		return sdk.Change{Op: sdk.OpCreate, Reason: "is a learner"}, nil
	}
	return sdk.Change{}, nil
}

// Render waits and promotes, and ends the turn that etcd.join took.
func (v *voter) Render(ctx context.Context) error {
	v.turn = v.Access.turn(v.Node)
	err := resource.WaitFor(ctx, resource.Probe{
		Name: "etcd member " + v.Node.Name + " to vote", Every: membersEvery, Timeout: v.within, Check: v.promote,
		Hint: "Read the log of etcd on this host: crictl ps -a --name etcd, then crictl logs ID. Other members must reach its peer port.",
	})
	if err != nil {
		return err
	}
	if err := v.turn.release(ctx); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the turn was not given back; it ends by itself")
	}
	return nil
}

// promote is one try.
func (v *voter) promote(ctx context.Context) error {
	if err := v.turn.take(ctx); err != nil {
		return err
	}
	members, err := v.Access.members(ctx)
	if err != nil {
		return err
	}
	self := v.Node.in(members)
	switch {
	case self == nil:
		return sdk.Permanent(sdk.Hint(fmt.Errorf("%s is not a member", v.Node.Name), "Let this phase depend on an etcd.join."))
	case !started(self):
		return errors.New("it has not started yet")
	case !self.IsLearner:
		return v.answers(ctx, self)
	}
	if err := v.serves(ctx, self); err != nil {
		return err
	}
	_, urls := others(members, self)
	err = v.Access.any(ctx, urls, memberPromote(self.ID))
	if err != nil && !errors.Is(err, errMemberNotLearner) {
		return err
	}
	v.Access.remember(urls)
	return v.answers(ctx, self)
}

// answers wants a consistent read through the member itself.
func (v *voter) answers(ctx context.Context, self *etcdapi.Member) error {
	return unlessDenied(v.Access.any(ctx, self.ClientURLs, consistentRead()))
}

// Remove takes the member out of the cluster: a voter cannot become a learner
// again, and it must leave before its etcd is stopped.
func (v *voter) Remove(ctx context.Context) error {
	return v.Access.remove(ctx, v.Node, membersWithin)
}

func (v *voter) outputs(ctx context.Context) (promoteOutputs, error) {
	members, err := v.Access.members(ctx)
	if err != nil {
		return promoteOutputs{}, fmt.Errorf("ask who is a member: %w", err)
	}
	self := v.Node.in(members)
	if self == nil {
		return promoteOutputs{}, fmt.Errorf("%s is not a member any more", v.Node.Name)
	}
	return promoteOutputs{MemberID: fmt.Sprintf("%x", self.ID)}, nil
}
