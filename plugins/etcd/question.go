package etcd

import (
	"cmp"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
)

// question is one call of the API of etcd. Its client would do the same, and every
// start of this plugin would take 2 ms longer: its packages initialise a lot.
type question struct {
	method          string
	request, answer proto.Message
}

func memberList(into *etcdapi.MemberListResponse) question {
	return question{"/etcdserverpb.Cluster/MemberList", &etcdapi.MemberListRequest{Linearizable: true}, into}
}

func addLearner(peerURL string) question {
	return done("/etcdserverpb.Cluster/MemberAdd", &etcdapi.MemberAddRequest{PeerURLs: []string{peerURL}, IsLearner: true})
}

func memberRemove(id uint64) question {
	return done("/etcdserverpb.Cluster/MemberRemove", &etcdapi.MemberRemoveRequest{ID: id})
}

func memberPromote(id uint64) question {
	return done("/etcdserverpb.Cluster/MemberPromote", &etcdapi.MemberPromoteRequest{ID: id})
}

func moveLeader(id uint64) question {
	return done("/etcdserverpb.Maintenance/MoveLeader", &etcdapi.MoveLeaderRequest{TargetID: id})
}

// serverStatus is of one member, who asks no other.
func serverStatus(into *etcdapi.StatusResponse) question {
	return question{"/etcdserverpb.Maintenance/Status", &etcdapi.StatusRequest{}, into}
}

// consistentRead proves that a quorum answers. The key need not exist.
func consistentRead() question {
	return done("/etcdserverpb.KV/Range", &etcdapi.RangeRequest{Key: []byte("health")})
}

// done is a question of whose answer only matters that it comes.
func done(method string, request proto.Message) question {
	return question{method, request, &emptypb.Empty{}}
}

// refusal is an error that etcd or gRPC answers. The text is theirs.
type refusal struct {
	code codes.Code
	text string
}

func (r refusal) Error() string { return cmp.Or(r.text, r.code.String()) }

// Source: etcd api/v3, v3rpc/rpctypes.
var (
	errPermissionDenied = refusal{codes.PermissionDenied, "etcdserver: permission denied"}
	errMemberNotFound   = refusal{codes.NotFound, "etcdserver: member not found"}
	errMemberNotLearner = refusal{codes.FailedPrecondition, "etcdserver: can only promote a learner member"}
	errNotLeader        = refusal{codes.FailedPrecondition, "etcdserver: not leader"}
)

// refused is the error of a call without the words of gRPC around it.
func refused(err error) error {
	s := status.Convert(err)
	return refusal{s.Code(), s.Message()}
}

// unlessDenied drops an error that takes a quorum to say.
func unlessDenied(err error) error {
	if errors.Is(err, errPermissionDenied) {
		return nil
	}
	return err
}
