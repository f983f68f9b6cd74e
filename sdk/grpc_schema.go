package sdk

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

func descriptionToWire(d Description) (*pb.DescribeResponse, error) {
	out := &pb.DescribeResponse{Name: d.Name, Version: d.Version, Doc: d.Doc}
	for _, t := range d.Types {
		w := &pb.PhaseType{
			Name: t.Name, Doc: t.Doc, Example: t.Example, Version: t.Version, Repeatable: t.Repeatable,
			CancelGrace: durationpb.New(t.CancelGrace), Pools: t.Pools,
		}
		var err error
		if w.Config, err = attributesToWire(t.Config); err != nil {
			return nil, err
		}
		if w.Outputs, err = attributesToWire(t.Outputs); err != nil {
			return nil, err
		}
		for _, a := range t.Access {
			w.Access = append(w.Access, &pb.Access{Kind: string(a.Kind), What: a.What, Write: a.Write})
		}
		out.Types = append(out.Types, w)
	}
	for _, f := range d.Functions {
		w := &pb.Function{Name: f.Name, Doc: f.Doc}
		for _, p := range f.Params {
			text, err := ctyjson.MarshalType(p)
			if err != nil {
				return nil, fmt.Errorf("encode parameter of function %s: %w", f.Name, err)
			}
			w.Params = append(w.Params, text)
		}
		var err error
		if w.Result, err = ctyjson.MarshalType(f.Result); err != nil {
			return nil, fmt.Errorf("encode result of function %s: %w", f.Name, err)
		}
		out.Functions = append(out.Functions, w)
	}
	return out, nil
}

func descriptionFromWire(w *pb.DescribeResponse) (Description, error) {
	out := Description{Name: w.GetName(), Version: w.GetVersion(), Doc: w.GetDoc()}
	types := wireTypes{}
	for _, t := range w.GetTypes() {
		d := TypeDescription{
			Name: t.GetName(), Doc: t.GetDoc(), Example: t.GetExample(), Version: t.GetVersion(),
			Repeatable: t.GetRepeatable(), Pools: t.GetPools(),
			CancelGrace: seconds(t.GetCancelGrace().AsDuration(), DefaultCancelGrace),
		}
		var err error
		if d.Config, err = attributesFromWire(types, t.GetConfig()); err != nil {
			return Description{}, fmt.Errorf("type %q: %w", t.GetName(), err)
		}
		if d.Outputs, err = attributesFromWire(types, t.GetOutputs()); err != nil {
			return Description{}, fmt.Errorf("type %q: %w", t.GetName(), err)
		}
		for _, a := range t.GetAccess() {
			d.Access = append(d.Access, Access{Kind: AccessKind(a.GetKind()), What: a.GetWhat(), Write: a.GetWrite()})
		}
		out.Types = append(out.Types, d)
	}
	for _, f := range w.GetFunctions() {
		d := Function{Name: f.GetName(), Doc: f.GetDoc()}
		for _, p := range f.GetParams() {
			t, err := types.read(p)
			if err != nil {
				return Description{}, fmt.Errorf("function %q: decode parameter: %w", f.GetName(), err)
			}
			d.Params = append(d.Params, t)
		}
		var err error
		if d.Result, err = types.read(f.GetResult()); err != nil {
			return Description{}, fmt.Errorf("function %q: decode result: %w", f.GetName(), err)
		}
		out.Functions = append(out.Functions, d)
	}
	return out, nil
}

func attributesToWire(attrs []Attribute) ([]*pb.Attribute, error) {
	var out []*pb.Attribute
	for _, a := range attrs {
		typ, err := ctyjson.MarshalType(a.Type)
		if err != nil {
			return nil, fmt.Errorf("encode type of attribute %s: %w", a.Name, err)
		}
		def, err := defaultToWire(a)
		if err != nil {
			return nil, fmt.Errorf("encode default of attribute %s: %w", a.Name, err)
		}
		out = append(out, &pb.Attribute{
			Name: a.Name, Type: typ, Doc: a.Doc, Required: a.Required, Default: def, Enum: a.Enum,
			Sensitive: a.Sensitive, Late: a.Late, FileContent: a.FileContent,
		})
	}
	return out, nil
}

func defaultToWire(a Attribute) (*pb.DynamicValue, error) {
	if a.Default == cty.NilVal {
		return nil, nil
	}
	v, err := convert.Convert(a.Default, a.Type)
	if err != nil {
		return nil, err
	}
	return valueToWire(v, a.Type.WithoutOptionalAttributesDeep())
}

// wireTypes remembers types by their JSON: a description has hundreds of
// attributes of a few types, and each takes the decoder longer than the rest of it.
type wireTypes map[string]cty.Type

func (known wireTypes) read(text []byte) (cty.Type, error) {
	if t, ok := known[string(text)]; ok {
		return t, nil
	}
	t, err := ctyjson.UnmarshalType(text)
	if err == nil {
		known[string(text)] = t
	}
	return t, err
}

func attributesFromWire(types wireTypes, wire []*pb.Attribute) ([]Attribute, error) {
	var out []Attribute
	for _, w := range wire {
		typ, err := types.read(w.GetType())
		if err != nil {
			return nil, fmt.Errorf("decode type of attribute %q: %w", w.GetName(), err)
		}
		def, err := valueFromWire(w.GetDefault(), typ.WithoutOptionalAttributesDeep())
		if err != nil {
			return nil, fmt.Errorf("decode default of attribute %q: %w", w.GetName(), err)
		}
		out = append(out, Attribute{
			Name: w.GetName(), Type: typ, Doc: w.GetDoc(), Required: w.GetRequired(), Default: def, Enum: w.GetEnum(),
			Sensitive: w.GetSensitive(), Late: w.GetLate(), FileContent: w.GetFileContent(),
		})
	}
	return out, nil
}
