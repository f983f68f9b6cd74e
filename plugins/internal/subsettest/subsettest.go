// Package subsettest holds messages that are made of a part of a published protocol
// to what is published. It is for tests.
package subsettest

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Comparison remembers which of our messages it has compared.
type Comparison struct {
	T    *testing.T
	seen map[protoreflect.FullName]bool
}

// Method wants a call with one answer to be published by that name, with messages
// that have all fields of ours.
func (c *Comparison) Method(name protoreflect.FullName, input, output protoreflect.MessageDescriptor) {
	c.T.Helper()
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	method, ok := found.(protoreflect.MethodDescriptor)
	if err != nil || !ok || method.IsStreamingClient() || method.IsStreamingServer() {
		c.T.Fatalf("%s: got %v, %v, want a call with one answer", name, found, err)
	}
	c.message(input, method.Input())
	c.message(output, method.Output())
}

// Whole wants every message of our file to have been compared.
func (c *Comparison) Whole(file protoreflect.FileDescriptor) {
	c.T.Helper()
	for i := range file.Messages().Len() {
		if name := file.Messages().Get(i).FullName(); !c.seen[name] {
			c.T.Errorf("%s is in no call", name)
		}
	}
}

// message wants the fields of ours to be those of theirs. One without any fits all.
func (c *Comparison) message(ours, theirs protoreflect.MessageDescriptor) {
	c.T.Helper()
	if c.seen[ours.FullName()] {
		return
	}
	if c.seen == nil {
		c.seen = map[protoreflect.FullName]bool{}
	}
	c.seen[ours.FullName()] = true
	if ours.Name() != theirs.Name() && ours.FullName() != "google.protobuf.Empty" {
		c.T.Errorf("%s: published is %s", ours.FullName(), theirs.FullName())
	}
	for i := range ours.Fields().Len() {
		our := ours.Fields().Get(i)
		their := theirs.Fields().ByNumber(our.Number())
		if their == nil || !same(our, their) {
			c.T.Errorf("%s: got %v, want %v", our.FullName(), our, their)
			continue
		}
		if our.Message() != nil {
			c.message(our.Message(), their.Message())
		}
		if our.Enum() != nil {
			c.enum(our.Enum(), their.Enum())
		}
	}
}

func same(a, b protoreflect.FieldDescriptor) bool {
	return a.Name() == b.Name() && a.Kind() == b.Kind() && a.Cardinality() == b.Cardinality() &&
		a.IsMap() == b.IsMap() && a.IsPacked() == b.IsPacked() && a.HasPresence() == b.HasPresence()
}

// enum wants all values to be the same, for their names are used.
func (c *Comparison) enum(ours, theirs protoreflect.EnumDescriptor) {
	c.T.Helper()
	if ours.Name() != theirs.Name() || ours.Values().Len() != theirs.Values().Len() {
		c.T.Errorf("got %v, want %v", ours, theirs)
		return
	}
	for i := range ours.Values().Len() {
		our := ours.Values().Get(i)
		if their := theirs.Values().ByNumber(our.Number()); their == nil || their.Name() != our.Name() {
			c.T.Errorf("%s: got %v, want %v", ours.FullName(), our, their)
		}
	}
}
