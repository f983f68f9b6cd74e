package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// giveUpHint is the way out of a cluster that is lost.
const giveUpHint = "give up the whole cluster: say so with give_up; in reset.hcl: --var destroy_etcd_data=NODE."

// remove takes a member out of its cluster through the others, unless
// that would cost them their quorum, and returns when they agree that it is gone.
// It is no error if it is not a member, or the last one, which cannot leave.
func (a *access) remove(ctx context.Context, n node, within time.Duration) error {
	if len(a.Endpoints) == 0 && a.kubeconfig == "" {
		return nil // no member was ever reached, so none was added
	}
	return resource.WaitFor(ctx, resource.Probe{
		Name: "member " + n.Name + " to leave", Every: membersEvery, Timeout: within,
		Check: func(ctx context.Context) error {
			members, err := a.members(ctx)
			if err != nil {
				return err
			}
			self := n.in(members)
			switch {
			case self == nil:
				return nil
			case len(members) == 1:
				resource.Warn(ctx, fmt.Sprintf("%s is the last member of its etcd cluster and stays in it", n.Name),
					"With it the cluster ends. Its data is still there.")
				return nil
			}
			return a.removeMember(ctx, members, self)
		},
		Hint: "See how the members are: etcdctl endpoint status --cluster. A cluster without a quorum lets nobody leave.",
	})
}

// removeMember removes one member, for whose removal the others must be healthy.
func (a *access) removeMember(ctx context.Context, members []*etcdapi.Member, self *etcdapi.Member) error {
	rest, urls := others(members, self)
	if !self.IsLearner {
		if err := a.quorumOf(ctx, rest); err != nil {
			return err
		}
		if err := a.handOver(ctx, rest, self); err != nil {
			return err
		}
	}
	err := a.any(ctx, urls, memberRemove(self.ID))
	if errors.Is(err, errMemberNotFound) { // of an answer that was lost
		return nil
	}
	return err
}

// quorumOf reports that fewer voters answer than a cluster of these members needs.
func (a *access) quorumOf(ctx context.Context, members []*etcdapi.Member) error {
	voters, healthy := 0, 0
	var silent []string
	for _, m := range members {
		if m.IsLearner {
			continue
		}
		voters++
		if err := a.any(ctx, m.ClientURLs, serverStatus(new(etcdapi.StatusResponse))); err != nil {
			silent = append(silent, nameOf(m))
			continue
		}
		healthy++
	}
	if need := voters/2 + 1; healthy < need {
		return sdk.Hint(fmt.Errorf("without it %d of %d members would be healthy, and %d must be; no answer of %s",
			healthy, voters, need, strings.Join(silent, ", ")),
			"Bring these members back, or let them leave first if they are lost, or "+giveUpHint)
	}
	return nil
}
