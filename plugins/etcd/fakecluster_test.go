package etcd

import (
	"context"
	"errors"
	"slices"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// fakeCluster is who is in a cluster. It takes one learner at a time, as etcd does.
type fakeCluster struct {
	pb.UnimplementedClusterServer

	mu      sync.Mutex
	members []*pb.Member
	next    uint64
	behind  int // promotions that are refused because the learner lacks data
	leader  uint64
	// headless says that the leader was removed while it led.
	headless bool
}

func newFakeCluster(members ...*pb.Member) *fakeCluster {
	return &fakeCluster{members: members, next: 100, leader: 1}
}

func (c *fakeCluster) leads() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader
}

func (c *fakeCluster) lead(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = id
}

// change calls f while nobody asks.
func (c *fakeCluster) change(f func(members []*pb.Member) []*pb.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = f(c.members)
}

// names lists the members; one without a name by its URL, learners with a star.
func (c *fakeCluster) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, m := range c.members {
		name := m.Name
		if name == "" {
			name = m.PeerURLs[0]
		}
		if m.IsLearner {
			name += "*"
		}
		out = append(out, name)
	}
	return out
}

func (c *fakeCluster) MemberList(_ context.Context, req *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	if !req.Linearizable {
		return nil, errors.New("asked for what one member knows, which may be old")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*pb.Member
	for _, m := range c.members {
		list = append(list, &pb.Member{ID: m.ID, Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs, IsLearner: m.IsLearner})
	}
	return &pb.MemberListResponse{Header: &pb.ResponseHeader{}, Members: list}, nil
}

func (c *fakeCluster) MemberAdd(_ context.Context, req *pb.MemberAddRequest) (*pb.MemberAddResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.ContainsFunc(c.members, func(m *pb.Member) bool { return m.IsLearner }) {
		return nil, rpctypes.ErrGRPCTooManyLearners
	}
	c.next++
	c.members = append(c.members, &pb.Member{ID: c.next, PeerURLs: req.PeerURLs, IsLearner: req.IsLearner})
	return &pb.MemberAddResponse{Header: &pb.ResponseHeader{}}, nil
}

func (c *fakeCluster) MemberRemove(_ context.Context, req *pb.MemberRemoveRequest) (*pb.MemberRemoveResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headless = c.headless || req.ID == c.leader
	c.members = slices.DeleteFunc(c.members, func(m *pb.Member) bool { return m.ID == req.ID })
	return &pb.MemberRemoveResponse{Header: &pb.ResponseHeader{}}, nil
}

func (c *fakeCluster) MemberPromote(_ context.Context, req *pb.MemberPromoteRequest) (*pb.MemberPromoteResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.behind > 0 {
		c.behind--
		return nil, rpctypes.ErrGRPCLearnerNotReady
	}
	for _, m := range c.members {
		if m.ID == req.ID {
			m.IsLearner = false
		}
	}
	return &pb.MemberPromoteResponse{Header: &pb.ResponseHeader{}}, nil
}
