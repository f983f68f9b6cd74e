package sdk

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

func TestReceive(t *testing.T) {
	logged := &pb.Event{Event: &pb.Event_Log{Log: &pb.Log{Level: "info", Message: "hello"}}}
	result := func(s pb.Result_Status) *pb.Event {
		return &pb.Event{Event: &pb.Event_Result{Result: &pb.Result{Status: s}}}
	}
	broken := status.Error(codes.Unavailable, "gone")

	tests := map[string]struct {
		events []*pb.Event
		end    error
		want   Status
		emits  int
		fails  string // the error; empty means a result
	}{
		"result":              {events: []*pb.Event{logged, result(1)}, end: io.EOF, want: StatusOK, emits: 1},
		"failed":              {events: []*pb.Event{result(2)}, end: io.EOF, want: StatusFailed},
		"cancelled":           {events: []*pb.Event{result(3)}, end: io.EOF, want: StatusCancelled},
		"breaks after result": {events: []*pb.Event{result(1)}, end: broken, want: StatusOK},
		"newer event":         {events: []*pb.Event{{}, result(1)}, end: io.EOF, want: StatusOK},
		"no event":            {end: io.EOF, fails: "the plugin ended the call without a result"},
		"no result":           {events: []*pb.Event{logged}, end: io.EOF, emits: 1, fails: "the plugin ended the call without a result"},
		"breaks": {
			events: []*pb.Event{logged}, end: broken, emits: 1,
			fails: "the plugin ended the call without a result: rpc error: code = Unavailable desc = gone",
		},
		"two results": {
			events: []*pb.Event{result(1), result(1)}, end: io.EOF,
			fails: "the plugin ended the call without a result: it sent more after its result",
		},
		"event after result": {
			events: []*pb.Event{result(1), logged}, end: io.EOF,
			fails: "the plugin ended the call without a result: it sent more after its result",
		},
		"no status": {
			events: []*pb.Event{result(0)}, end: io.EOF,
			fails: "the plugin ended the call without a result: it sent the status 0",
		},
		"unknown status": {
			events: []*pb.Event{result(9)}, end: io.EOF,
			fails: "the plugin ended the call without a result: it sent the status 9",
		},
		"undecodable outputs": {
			events: []*pb.Event{{Event: &pb.Event_Result{Result: &pb.Result{
				Status: 1, Outputs: &pb.DynamicValue{Msgpack: []byte{0xc1}},
			}}}},
			end:   io.EOF,
			fails: "the plugin ended the call without a result: decode value: an object is required",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			next := func() (*pb.Event, error) {
				if len(tt.events) == 0 {
					return nil, tt.end
				}
				e := tt.events[0]
				tt.events = tt.events[1:]
				return e, nil
			}
			emits := 0
			got, err := receive(next, valueTypesOf(nil, nil), func(Event) { emits++ })
			if tt.fails != "" {
				if !errors.Is(err, ErrNoResult) || err.Error() != tt.fails {
					t.Errorf("got error %v\nwant %s", err, tt.fails)
				}
			} else if err != nil || got.Status != tt.want {
				t.Errorf("got %v, %v, want %v", got.Status, err, tt.want)
			}
			if emits != tt.emits {
				t.Errorf("got %d events, want %d", emits, tt.emits)
			}
		})
	}
}

func TestReceiveEvents(t *testing.T) {
	events := []Event{
		Log{Level: "warn", Message: "m", Fields: map[string]string{"k": "v"}, Stream: "stderr"},
		Progress{ID: "i", Label: "l", Current: 1, Total: 2, Unit: "bytes", Done: true},
		Checkpoint{Private: []byte("p")},
		ChangeDone{Change: Change{Op: OpCreate, Kind: "file", Target: "/x", Reason: "absent", Diff: "+x", Disruptive: true}},
	}
	for _, want := range events {
		if diff := cmp.Diff(want, eventFromWire(eventToWire(want))); diff != "" {
			t.Errorf("difference (-want +got):\n%s", diff)
		}
	}
}
