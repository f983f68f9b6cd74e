package cri

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
)

// TestPublished compares every method, message, field and enum with CRI v1.
func TestPublished(t *testing.T) {
	c := comparison{t: t, seen: map[protoreflect.FullName]bool{}}
	file := criapi.File_clusterflow_cri_v1_cri_proto
	for i := range file.Services().Len() {
		service := file.Services().Get(i)
		for k := range service.Methods().Len() {
			our := service.Methods().Get(k)
			path := published("/" + string(service.FullName()) + "/" + string(our.Name()))
			name := protoreflect.FullName("runtime.v1." + service.Name()).Append(our.Name())
			if want := "/runtime.v1." + string(service.Name()) + "/" + string(our.Name()); path != want {
				t.Errorf("got %s, want %s", path, want)
			}
			found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
			their, ok := found.(protoreflect.MethodDescriptor)
			if err != nil || !ok || their.IsStreamingClient() || their.IsStreamingServer() {
				t.Fatalf("%s: got %v, %v, want a call with one answer", name, found, err)
			}
			c.messages(our.Input(), their.Input())
			c.messages(our.Output(), their.Output())
		}
	}
	for i := range file.Messages().Len() {
		if name := file.Messages().Get(i).FullName(); !c.seen[name] {
			t.Errorf("%s is in no call", name)
		}
	}
	if runtimeReady != runtimeapi.RuntimeReady || networkReady != runtimeapi.NetworkReady {
		t.Errorf("conditions: got %s and %s, want %s and %s", runtimeReady, networkReady, runtimeapi.RuntimeReady, runtimeapi.NetworkReady)
	}
}

type comparison struct {
	t    *testing.T
	seen map[protoreflect.FullName]bool
}

// messages wants the fields that our message has to be those of theirs.
func (c comparison) messages(ours, theirs protoreflect.MessageDescriptor) {
	c.t.Helper()
	if c.seen[ours.FullName()] {
		return
	}
	c.seen[ours.FullName()] = true
	if ours.Name() != theirs.Name() {
		c.t.Errorf("%s: CRI has %s there", ours.FullName(), theirs.FullName())
	}
	for i := range ours.Fields().Len() {
		our := ours.Fields().Get(i)
		their := theirs.Fields().ByNumber(our.Number())
		if their == nil || our.Name() != their.Name() || our.Kind() != their.Kind() || our.Cardinality() != their.Cardinality() ||
			our.IsMap() != their.IsMap() || our.IsPacked() != their.IsPacked() {
			c.t.Errorf("%s: got %v, want %v", our.FullName(), our, their)
			continue
		}
		if our.Message() != nil {
			c.messages(our.Message(), their.Message())
		}
		if our.Enum() != nil {
			c.enums(our.Enum(), their.Enum())
		}
	}
}

// enums wants all values to be the same, for their names are used.
func (c comparison) enums(ours, theirs protoreflect.EnumDescriptor) {
	c.t.Helper()
	if ours.Name() != theirs.Name() || ours.Values().Len() != theirs.Values().Len() {
		c.t.Errorf("got %v, want %v", ours, theirs)
		return
	}
	for i := range ours.Values().Len() {
		our := ours.Values().Get(i)
		if their := theirs.Values().ByNumber(our.Number()); their == nil || their.Name() != our.Name() {
			c.t.Errorf("%s: got %v, want %v", ours.FullName(), our, their)
		}
	}
}
