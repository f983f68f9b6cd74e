package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
)

// handOver makes another member the leader before the leader leaves. Otherwise the
// others notice its absence only after the election timeout, a second or two in
// which nobody can read or write.
func (a *access) handOver(ctx context.Context, rest []*etcdapi.Member, self *etcdapi.Member) error {
	if !a.leads(ctx, self) {
		return nil
	}
	var errs []error
	for _, m := range rest {
		if m.IsLearner || !started(m) {
			continue
		}
		err := a.any(ctx, self.ClientURLs, moveLeader(m.ID))
		if err == nil || errors.Is(err, errNotLeader) {
			return nil
		}
		errs = append(errs, fmt.Errorf("to %s: %w", nameOf(m), err))
	}
	return fmt.Errorf("hand over the lead of etcd: %w", errors.Join(errs...))
}

// leads asks a member whether it is the leader. One that does not answer leads nobody.
func (a *access) leads(ctx context.Context, m *etcdapi.Member) bool {
	var status etcdapi.StatusResponse
	err := a.any(ctx, m.ClientURLs, serverStatus(&status))
	return err == nil && status.Leader == m.ID
}
