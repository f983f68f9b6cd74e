package sdk

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// describe drops the code of a Spec.
func describe(s Spec) Description {
	out := Description{Name: s.Name, Version: s.Version, Doc: s.Doc}
	for _, t := range s.Types {
		out.Types = append(out.Types, TypeDescription{
			Name: t.Name, Doc: t.Doc, Example: t.Example, Version: t.Version,
			Config: t.Config, Outputs: t.Outputs, Repeatable: t.Repeatable,
			CancelGrace: t.Grace(), Pools: t.Pools, Access: t.Access,
		})
	}
	for _, f := range s.Functions {
		f.Call = nil
		out.Functions = append(out.Functions, f)
	}
	return out
}

// MarshalBinary gives the form that crosses the wire, so that a description can
// be kept. Equal descriptions give equal bytes.
func (d Description) MarshalBinary() ([]byte, error) {
	wire, err := descriptionToWire(d)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(wire)
}

// UnmarshalBinary is the inverse of [Description.MarshalBinary].
func (d *Description) UnmarshalBinary(data []byte) error {
	var wire pb.DescribeResponse
	if err := proto.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("decode description: %w", err)
	}
	out, err := descriptionFromWire(&wire)
	if err != nil {
		return err
	}
	*d = out
	return nil
}
