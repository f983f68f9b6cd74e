package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// learner is the resource "this host is a member".
type learner struct {
	Node   node   `json:"node"`
	Access access `json:"access"`

	dataDir    string
	within     time.Duration
	turnWithin time.Duration
	turn       *turn
}

var _ resource.Resource = (*learner)(nil)

func learnerKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: "etcd-member", Restore: func(state json.RawMessage) (resource.Resource, error) {
		var l learner
		if err := json.Unmarshal(state, &l); err != nil {
			return nil, fmt.Errorf("read record of an etcd member: %w", err)
		}
		l.Access.pool = pool
		return &l, nil
	}}
}

func (l *learner) ID() resource.ID {
	return resource.ID{Kind: "etcd-member", Target: l.Node.Name + "=" + l.Node.PeerURL}
}

// Diff asks who is in the cluster. Members that cannot be asked yet, for the
// certificates may still be missing, do not know this host.
func (l *learner) Diff(ctx context.Context) (sdk.Change, error) {
	members, err := l.Access.members(ctx)
	if err != nil {
		return sdk.Change{Op: sdk.OpCreate, Reason: "the members cannot be asked yet: " + err.Error()}, nil
	}
	_, urls := others(members, l.Node.in(members))
	l.Access.remember(urls)
	reason, err := l.lacks(members)
	if reason == "" || err != nil {
		return sdk.Change{}, err
	}
	return sdk.Change{Op: sdk.OpCreate, Reason: reason}, nil
}

// Render waits for its turn and adds it, after it removed what an earlier try left
// of it. The turn stays its own until the member votes.
func (l *learner) Render(ctx context.Context) error {
	l.turn = l.Access.turn(l.Node)
	err := resource.WaitFor(ctx, resource.Probe{
		Name: "the turn of " + l.Node.Name + " to join etcd", Every: membersEvery, Timeout: l.turnWithin, Check: l.turn.take,
		Hint: "One host joins at a time. See which: kubectl get lease -n kube-system " + turnLease + ". A host that is silent for half a minute loses its turn.",
	})
	if err != nil {
		return err
	}
	return resource.WaitFor(ctx, resource.Probe{
		Name: "the etcd cluster to take " + l.Node.Name, Every: membersEvery, Timeout: l.within, Check: l.add,
		Hint: "See who is a member: etcdctl member list. A learner of another host that does not join any more blocks the way: etcdctl member remove ID.",
	})
}

// add is one try.
func (l *learner) add(ctx context.Context) error {
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	members, err := l.Access.members(ctx)
	if err != nil {
		return err
	}
	self := l.Node.in(members)
	_, urls := others(members, self)
	reason, err := l.lacks(members)
	switch {
	case err != nil:
		return err
	case reason == "":
		l.Access.remember(urls)
		return nil
	case self != nil:
		return errors.Join(l.Access.removeMember(ctx, members, self), errRemoved)
	}
	if err := l.Access.any(ctx, urls, addLearner(l.Node.PeerURL)); err != nil {
		if i := slices.IndexFunc(members, func(m *etcdapi.Member) bool { return m.IsLearner }); i >= 0 {
			if l.turn.leftBehind(members[i].PeerURLs[0]) {
				return errors.Join(l.Access.removeMember(ctx, members, members[i]), errRemoved)
			}
			return fmt.Errorf("%s is still a learner: %w", nameOf(members[i]), err)
		}
		return err
	}
	l.Access.remember(urls)
	return nil
}

// errRemoved makes add try again, with a list of members without the old one.
var errRemoved = errors.New("removed what an earlier try had left")

// lacks tells why this host is not the member that it should be: it is unknown, or
// known from an earlier time. An error says that its data is of another member.
func (l *learner) lacks(members []*etcdapi.Member) (reason string, err error) {
	self := l.Node.in(members)
	data, err := l.hasData()
	if err != nil {
		return "", err
	}
	switch {
	case self == nil && !data:
		return "not a member", nil
	case self == nil:
		return "", sdk.Permanent(sdk.Hint(fmt.Errorf("%s holds the data of a member that this cluster does not have", l.dataDir),
			fmt.Sprintf("What a join left that lost its turn goes by a reset (reset.hcl). Else, if nobody needs it: rm -r %s", filepath.Join(l.dataDir, "member"))))
	case data && !slices.Contains(self.PeerURLs, l.Node.PeerURL):
		return "", sdk.Permanent(sdk.Hint(fmt.Errorf("%s is a member at %s already, and has data", l.Node.Name, self.PeerURLs[0]),
			"A member keeps its address. Let it leave first (etcd.leave), then delete its data, or change its address by etcdctl member update."))
	case !data && (started(self) || !slices.Contains(self.PeerURLs, l.Node.PeerURL)):
		return fmt.Sprintf("member %x of an earlier time has no data here", self.ID), nil
	}
	return "", nil // added, perhaps running
}

func (l *learner) hasData() (bool, error) {
	_, err := os.Stat(filepath.Join(l.dataDir, "member"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return err == nil, nil
}

// Remove takes the member out of the cluster.
func (l *learner) Remove(ctx context.Context) error {
	return l.Access.remove(ctx, l.Node, membersWithin)
}

func (l *learner) outputs(ctx context.Context) (joinOutputs, error) {
	members, err := l.Access.members(ctx)
	if err != nil {
		return joinOutputs{}, fmt.Errorf("ask who is a member: %w", err)
	}
	self := l.Node.in(members)
	if self == nil {
		return joinOutputs{}, fmt.Errorf("%s is not a member any more", l.Node.Name)
	}
	out := joinOutputs{MemberID: fmt.Sprintf("%x", self.ID)}
	for _, m := range members {
		name := nameOf(m)
		if m.ID == self.ID {
			name = l.Node.Name
		}
		out.InitialCluster = append(out.InitialCluster, peer{Name: name, PeerURL: m.PeerURLs[0]})
	}
	slices.SortFunc(out.InitialCluster, func(a, b peer) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
