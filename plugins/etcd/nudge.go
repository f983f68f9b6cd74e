package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/cri"
)

const (
	// nudgeAfter is how long a learner that is announced may be silent: 500 ms. One
	// that starts without trouble serves a moment after it is announced.
	nudgeAfter = 500 * time.Millisecond
	// nudgeGrace is how long it may take to end: 2 s.
	nudgeGrace = 2 * time.Second
)

// nudge starts a learner once more that waits in vain. A new member announces its
// name and serves clients when it sees that entry of the log. But the leader sends
// it a snapshot first, and that has the entry already: it sees it never, and
// announces itself anew after seven seconds (etcd 3.6: publishV3, ReqTimeout).
// Started again it has the snapshot, and serves at once. A learner does not vote,
// so nobody misses it meanwhile.
type nudge struct {
	socket string // of the container runtime; empty: it is left alone
	done   bool
}

// serves wants a learner to answer clients before it votes.
func (v *voter) serves(ctx context.Context, self *etcdapi.Member) error {
	brief, cancel := context.WithTimeout(ctx, nudgeAfter)
	defer cancel()
	err := v.Access.any(brief, self.ClientURLs, serverStatus(new(etcdapi.StatusResponse)))
	if err == nil {
		return nil
	}
	if err := v.nudge.give(ctx); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("start the learner again")
	}
	return fmt.Errorf("it does not serve clients yet: %w", err)
}

// give ends its container once. The kubelet starts another.
func (n *nudge) give(ctx context.Context) (err error) {
	if n.socket == "" || n.done {
		return nil
	}
	n.done = true
	client, err := cri.Dial(n.socket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	containers, err := client.Containers(ctx, map[string]string{cri.LabelNamespace: metav1.NamespaceSystem, cri.LabelContainer: podName})
	if err != nil {
		return err
	}
	for _, c := range containers {
		if c.State == "running" {
			zerolog.Ctx(ctx).Info().Msg("etcd waits for news that it has had: it is started again")
			return client.StopContainer(ctx, c.ID, nudgeGrace)
		}
	}
	return nil
}
