package etcd

import (
	"errors"
	"strings"
	"testing"

	_ "go.etcd.io/etcd/api/v3/etcdserverpb" // registers what is published
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/subsettest"
)

// TestQuestions compares every method, message and field with what etcd publishes.
func TestQuestions(t *testing.T) {
	questions := []question{
		memberList(new(etcdapi.MemberListResponse)), addLearner(""), memberRemove(1), memberPromote(1),
		moveLeader(1), serverStatus(new(etcdapi.StatusResponse)), consistentRead(),
	}
	c := subsettest.Comparison{T: t}
	for _, q := range questions {
		name := strings.ReplaceAll(strings.TrimPrefix(q.method, "/"), "/", ".")
		c.Method(protoreflect.FullName(name), q.request.ProtoReflect().Descriptor(), q.answer.ProtoReflect().Descriptor())
	}
	c.Whole(etcdapi.File_clusterflow_etcd_v1_etcd_proto)
}

func TestRefusals(t *testing.T) {
	tests := map[refusal]error{
		errPermissionDenied: rpctypes.ErrGRPCPermissionDenied,
		errMemberNotFound:   rpctypes.ErrGRPCMemberNotFound,
		errMemberNotLearner: rpctypes.ErrGRPCMemberNotLearner,
		errNotLeader:        rpctypes.ErrGRPCNotLeader,
	}
	for want, sent := range tests {
		if got := refused(sent); !errors.Is(got, want) || got.Error() != rpctypes.Error(sent).Error() {
			t.Errorf("%v: got %v, want %v", sent, got, want)
		}
	}
	if err := unlessDenied(refused(rpctypes.ErrGRPCNoLeader)); err == nil || unlessDenied(refused(rpctypes.ErrGRPCPermissionDenied)) != nil {
		t.Errorf("got %v, want only what takes a quorum to say dropped", err)
	}
}
