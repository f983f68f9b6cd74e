package etcd

import (
	"context"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// handOver makes another member the leader before the leader leaves. Otherwise the
// others notice its absence only after the election timeout, a second or two in
// which nobody can read or write.
func (a *access) handOver(ctx context.Context, rest []*pb.Member, self *pb.Member) error {
	if !a.leads(ctx, self) {
		return nil
	}
	var errs []error
	for _, m := range rest {
		if m.IsLearner || !started(m) {
			continue
		}
		err := a.any(ctx, self.ClientURLs, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.MoveLeader(ctx, m.ID)
			return err
		})
		if err == nil || errors.Is(err, rpctypes.ErrNotLeader) {
			return nil
		}
		errs = append(errs, fmt.Errorf("to %s: %w", nameOf(m), err))
	}
	return fmt.Errorf("hand over the lead of etcd: %w", errors.Join(errs...))
}

// leads asks a member whether it is the leader. One that does not answer leads nobody.
func (a *access) leads(ctx context.Context, m *pb.Member) bool {
	leads := false
	err := a.any(ctx, m.ClientURLs, func(ctx context.Context, c *clientv3.Client) error {
		status, err := c.Status(ctx, c.Endpoints()[0])
		if err == nil {
			leads = status.Leader == m.ID
		}
		return err
	})
	return err == nil && leads
}
