package rogue

import (
	"strings"
	"time"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// Apply breaks the protocol as it was told.
func (s *server) Apply(r *pb.ApplyRequest, stream pb.PluginService_ApplyServer) error {
	word, size := how(r.GetConfig())
	send := func(e *pb.Event) error { return stream.Send(&pb.ApplyResponse{Event: e}) }
	switch word {
	case "no_result":
		return nil
	case "nothing":
		return stream.Send(&pb.ApplyResponse{})
	case "deadlock":
		s.deaf.Store(true)
		select {}
	}
	if e := wrong(word, size); e != nil {
		return send(e)
	}
	if err := talk(word, size, send); err != nil {
		return err
	}
	return send(done())
}

// talk says much before the result, or the result before the result.
func talk(word string, size int, send func(*pb.Event) error) error {
	events := map[string]*pb.Event{
		"slow": logged("slowly"), "logs": logged("one of many lines"), "long_logs": logged(strings.Repeat("x", 1<<20)),
	}
	if word == "two_results" {
		return send(done())
	}
	e := events[word]
	if e == nil {
		return nil
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range size {
		if word == "slow" {
			<-tick.C
		}
		if err := send(e); err != nil {
			return err
		}
	}
	return nil
}

// wrong is an event that is not as it should be, or nil.
func wrong(word string, size int) *pb.Event {
	result := &pb.Result{Status: pb.Result_STATUS_OK, Outputs: wellText()}
	switch word {
	case "garbage":
		result.Outputs = &pb.DynamicValue{Msgpack: []byte{0xc1, 0xff, 0x00}}
	case "wrong_type":
		result.Outputs = &pb.DynamicValue{Json: []byte(`["a list"]`)}
	case "missing":
		result.Outputs = &pb.DynamicValue{Json: []byte(`{}`)}
	case "unknown":
		result.Outputs = &pb.DynamicValue{Msgpack: []byte{0x81, 0xa4, 't', 'e', 'x', 't', 0xd4, 0, 0}}
	case "status":
		result.Status = 99
	case "record":
		result.Private = make([]byte, size)
	case "too_long":
		return logged(strings.Repeat("x", 65<<20))
	case "checkpoint":
		return &pb.Event{Event: &pb.Event_Checkpoint{Checkpoint: &pb.Checkpoint{Private: make([]byte, size)}}}
	case "not_utf8":
		result.Diagnostics = []*pb.Diagnostic{{Severity: 77, Summary: "\u202e"}}
		result.Status = pb.Result_STATUS_FAILED
	default:
		return nil
	}
	return &pb.Event{Event: &pb.Event_Result{Result: result}}
}

func wellText() *pb.DynamicValue { return &pb.DynamicValue{Json: []byte(`{"text":"well"}`)} }

func done() *pb.Event {
	return &pb.Event{Event: &pb.Event_Result{Result: &pb.Result{Status: pb.Result_STATUS_OK, Outputs: wellText()}}}
}

func logged(text string) *pb.Event {
	return &pb.Event{Event: &pb.Event_Log{Log: &pb.Log{Level: "info", Message: text}}}
}
