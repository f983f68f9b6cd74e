package etcd

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
)

// TestQuestions compares every method, message and field with what etcd publishes.
func TestQuestions(t *testing.T) {
	questions := []question{
		memberList(new(etcdapi.MemberListResponse)), addLearner(""), memberRemove(1), memberPromote(1),
		moveLeader(1), serverStatus(new(etcdapi.StatusResponse)), consistentRead(),
	}
	compared := map[protoreflect.FullName]bool{(&emptypb.Empty{}).ProtoReflect().Descriptor().FullName(): true} // without fields: fits any
	for _, q := range questions {
		service, name, _ := strings.Cut(strings.TrimPrefix(q.method, "/"), "/")
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + name))
		method, ok := found.(protoreflect.MethodDescriptor)
		if err != nil || !ok || method.IsStreamingClient() || method.IsStreamingServer() {
			t.Fatalf("%s: got %v, %v, want a call with one answer", q.method, found, err)
		}
		compare(t, compared, q.request.ProtoReflect().Descriptor(), method.Input())
		compare(t, compared, q.answer.ProtoReflect().Descriptor(), method.Output())
	}
	messages := etcdapi.File_clusterflow_etcd_v1_etcd_proto.Messages()
	for i := range messages.Len() {
		if name := messages.Get(i).FullName(); !compared[name] {
			t.Errorf("%s is in no question", name)
		}
	}
}

// compare wants the fields that our message has to be those of etcd's.
func compare(t *testing.T, compared map[protoreflect.FullName]bool, ours, theirs protoreflect.MessageDescriptor) {
	t.Helper()
	if compared[ours.FullName()] {
		return
	}
	compared[ours.FullName()] = true
	if ours.Name() != theirs.Name() {
		t.Errorf("%s: etcd has %s there", ours.FullName(), theirs.FullName())
	}
	for i := range ours.Fields().Len() {
		our := ours.Fields().Get(i)
		their := theirs.Fields().ByNumber(our.Number())
		if their == nil || our.Name() != their.Name() || our.Kind() != their.Kind() || our.Cardinality() != their.Cardinality() ||
			our.IsPacked() != their.IsPacked() || our.HasPresence() != their.HasPresence() {
			t.Errorf("%s: got %v, want %v", our.FullName(), our, their)
			continue
		}
		if our.Message() != nil {
			compare(t, compared, our.Message(), their.Message())
		}
	}
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
