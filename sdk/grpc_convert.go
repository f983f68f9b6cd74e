package sdk

import (
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	ctymsgpack "github.com/zclconf/go-cty/cty/msgpack"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// A nil DynamicValue stands for cty.NilVal, the absent value.
//
// Texts from handlers may hold anything that a command printed or a file contained.
// They are made valid here: one bad byte would otherwise break the whole call.

func valueToWire(v cty.Value, t cty.Type) (*pb.DynamicValue, error) {
	if v == cty.NilVal {
		return nil, nil
	}
	data, err := ctymsgpack.Marshal(v, t)
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return &pb.DynamicValue{Msgpack: data}, nil
}

func valueFromWire(w *pb.DynamicValue, t cty.Type) (cty.Value, error) {
	var v cty.Value
	var err error
	switch {
	case w == nil:
		return cty.NilVal, nil
	case len(w.GetMsgpack()) > 0:
		v, err = ctymsgpack.Unmarshal(w.GetMsgpack(), t)
	default:
		v, err = ctyjson.Unmarshal(w.GetJson(), t)
	}
	if err != nil {
		return cty.NilVal, fmt.Errorf("decode value: %w", err)
	}
	return v, nil
}

func identToWire(id Ident) *pb.Ident {
	w := &pb.Ident{Run: id.Run, Node: id.Node, Attempt: uint32(max(id.Attempt, 0)), Traceparent: id.Trace}
	if !id.Until.IsZero() {
		w.Until = timestamppb.New(id.Until)
	}
	return w
}

func identFromWire(w *pb.Ident) Ident {
	id := Ident{Run: w.GetRun(), Node: w.GetNode(), Attempt: int(w.GetAttempt()), Trace: w.GetTraceparent()}
	if w.GetUntil() != nil {
		id.Until = w.GetUntil().AsTime()
	}
	return id
}

func diagsToWire(diags Diagnostics) []*pb.Diagnostic {
	out := make([]*pb.Diagnostic, 0, len(diags))
	for _, d := range diags {
		out = append(out, &pb.Diagnostic{
			Severity: pb.Diagnostic_Severity(d.Severity), Summary: validText(d.Summary), Detail: validText(d.Detail),
			Path: pathToWire(d.Path), Permanent: d.Permanent,
		})
	}
	return out
}

// diagsFromWire reads a severity that it does not know as an error, so that a
// newer plugin's problem is never lost.
func diagsFromWire(wire []*pb.Diagnostic) Diagnostics {
	var out Diagnostics
	for _, w := range wire {
		severity := SeverityError
		if w.GetSeverity() == pb.Diagnostic_SEVERITY_WARNING {
			severity = SeverityWarning
		}
		out = append(out, Diagnostic{
			Severity: severity, Summary: w.GetSummary(), Detail: w.GetDetail(),
			Path: pathFromWire(w.GetPath()), Permanent: w.GetPermanent(),
		})
	}
	return out
}

func pathToWire(path cty.Path) *pb.Path {
	out := &pb.Path{}
	for _, step := range path {
		switch s := step.(type) {
		case cty.GetAttrStep:
			out.Steps = append(out.Steps, &pb.Path_Step{Step: &pb.Path_Step_Attribute{Attribute: validText(s.Name)}})
		case cty.IndexStep:
			if s.Key.Type() == cty.String {
				out.Steps = append(out.Steps, &pb.Path_Step{Step: &pb.Path_Step_Key{Key: validText(s.Key.AsString())}})
				continue
			}
			index, _ := s.Key.AsBigFloat().Int64()
			out.Steps = append(out.Steps, &pb.Path_Step{Step: &pb.Path_Step_Index{Index: index}})
		}
	}
	return out
}

func pathFromWire(w *pb.Path) cty.Path {
	var path cty.Path
	for _, step := range w.GetSteps() {
		switch s := step.GetStep().(type) {
		case *pb.Path_Step_Attribute:
			path = path.GetAttr(s.Attribute)
		case *pb.Path_Step_Key:
			path = path.IndexString(s.Key)
		case *pb.Path_Step_Index:
			path = path.IndexInt(int(s.Index))
		}
	}
	return path
}

func changeToWire(c Change) *pb.Change {
	return &pb.Change{
		Op: string(c.Op), Kind: validText(c.Kind), Target: validText(c.Target), Reason: validText(c.Reason),
		Diff: validText(c.Diff), Disruptive: c.Disruptive,
	}
}

func changeFromWire(w *pb.Change) Change {
	return Change{
		Op: Op(w.GetOp()), Kind: w.GetKind(), Target: w.GetTarget(), Reason: w.GetReason(),
		Diff: w.GetDiff(), Disruptive: w.GetDisruptive(),
	}
}

func eventToWire(e Event) *pb.Event {
	switch e := e.(type) {
	case Log:
		return &pb.Event{Event: &pb.Event_Log{Log: &pb.Log{
			Level: validText(e.Level), Message: validText(e.Message), Fields: validFields(e.Fields), Stream: validText(e.Stream),
		}}}
	case Progress:
		return &pb.Event{Event: &pb.Event_Progress{Progress: &pb.Progress{
			Id: validText(e.ID), Label: validText(e.Label), Current: e.Current, Total: e.Total,
			Unit: validText(e.Unit), Done: e.Done,
		}}}
	case Checkpoint:
		return &pb.Event{Event: &pb.Event_Checkpoint{Checkpoint: &pb.Checkpoint{Private: e.Private}}}
	case ChangeDone:
		return &pb.Event{Event: &pb.Event_ChangeDone{ChangeDone: &pb.ChangeDone{Change: changeToWire(e.Change)}}}
	default:
		return &pb.Event{}
	}
}

func validFields(fields map[string]string) map[string]string {
	var out map[string]string
	for key, value := range fields {
		if out == nil {
			out = make(map[string]string, len(fields))
		}
		out[validText(key)] = validText(value)
	}
	return out
}

// eventFromWire returns nil for an event of a newer protocol.
func eventFromWire(w *pb.Event) Event {
	switch e := w.GetEvent().(type) {
	case *pb.Event_Log:
		return Log{Level: e.Log.GetLevel(), Message: e.Log.GetMessage(), Fields: e.Log.GetFields(), Stream: e.Log.GetStream()}
	case *pb.Event_Progress:
		p := e.Progress
		return Progress{
			ID: p.GetId(), Label: p.GetLabel(), Current: p.GetCurrent(), Total: p.GetTotal(),
			Unit: p.GetUnit(), Done: p.GetDone(),
		}
	case *pb.Event_Checkpoint:
		return Checkpoint{Private: e.Checkpoint.GetPrivate()}
	case *pb.Event_ChangeDone:
		return ChangeDone{Change: changeFromWire(e.ChangeDone.GetChange())}
	default:
		return nil
	}
}

func seconds(d time.Duration, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}
