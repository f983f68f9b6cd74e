package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// samples has each kind of event with all its fields set.
func samples() []Body {
	change := Change{Op: OpUpdate, Kind: "file", Target: "/etc/a", Reason: "mode 0644, want 0600", Diff: "-a\n+b\n", Disruptive: true}
	problem := &Problem{Message: "start etcd: exit status 1", Hint: "look at its log", Source: "init.hcl:14"}
	return []Body{
		RunStarted{Operation: OperationApply, Pipeline: "init.hcl", Engine: "v0.1.0", Nodes: 41, Slots: 8, Resumes: "01A"},
		NodePlanned{
			Node: "phase.ca", Type: "pki.ca", Reason: "first run", Changes: []Change{change},
			Inputs: []InputChange{{Name: "cn", Before: `"a"`, After: `"b"`, Source: "init.hcl:9"}},
		},
		NodeReady{Node: "phase.ca"},
		NodeWaiting{Node: "phase.ca", Pool: "pull"},
		NodeStarted{Node: `phase.ca["etcd/ca"]`, Type: "pki.ca", Attempt: 2},
		NodeRetrying{Node: "phase.ca", Attempt: 1, Attempts: 5, Reason: "connection refused", Delay: Duration(1500 * time.Millisecond)},
		NodeLog{Node: "phase.ca", Level: LevelWarn, Message: "slow", Fields: map[string]string{"image": "etcd"}, Stream: "stderr"},
		NodeProgress{Node: "phase.ca", ID: "pull", Label: "etcd", Current: 61, Total: 118, Unit: "bytes", Done: true},
		ChangeDone{Node: "phase.ca", Change: change},
		Checkpoint{Node: "phase.ca", Private: []byte(`{"entries":[]}`)},
		NodeEnded{
			Node: "phase.ca", Type: "pki.ca", Status: Failed, Attempt: 2, Changes: 3, Duration: Duration(120 * time.Millisecond),
			Reason: "condition is false", Cause: "phase.etcd", Problem: problem, Continued: true, Leftovers: []string{"/etc/a"},
		},
		RunStopping{Reason: "interrupted", Running: []string{"phase.ca"}},
		RunEnded{Status: RunFailed, Counts: map[Status]int{Succeeded: 40, Failed: 1}, Duration: Duration(9800 * time.Millisecond), Problem: problem},
	}
}

// The golden file is the public format: a line in it may gain fields, but none
// may change or go away.
func TestJSONIsStable(t *testing.T) {
	var got bytes.Buffer
	at := time.Date(2026, 1, 2, 15, 4, 5, 123456000, time.UTC)
	stream := NewStream("01J", func() time.Time { return at }, SinkFunc(func(e Event) {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("write %s: %v", e.Body.Kind(), err)
		}
		got.Write(append(text, '\n'))
		var back Event
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("read %s: %v", text, err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Errorf("%s after a round trip (-want +got):\n%s", e.Body.Kind(), diff)
		}
	}))
	for _, body := range samples() {
		stream.Emit(body)
	}
	golden := filepath.Join("testdata", "events.jsonl")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("JSON form (-want +got), set UPDATE_GOLDEN=1 to accept:\n%s", diff)
	}
}

func TestEveryKindHasADecoderAndASample(t *testing.T) {
	seen := make(map[Kind]bool)
	for _, body := range samples() {
		seen[body.Kind()] = true
	}
	for kind := range decoders() {
		if !seen[kind] {
			t.Errorf("kind %s: no sample", kind)
		}
	}
	if got, want := len(seen), len(decoders()); got != want {
		t.Errorf("got %d kinds with a sample, want %d", got, want)
	}
}

func TestZeroBodiesRoundTrip(t *testing.T) {
	for kind, decode := range decoders() {
		body, err := decode([]byte("{}"))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		text, err := json.Marshal(Event{Body: body})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		var back Event
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: read %s: %v", kind, text, err)
		}
	}
}

func TestUnmarshalEventErrors(t *testing.T) {
	tests := map[string]struct {
		text  string
		known bool
	}{
		"unknown kind": {text: `{"event":"node_slept"}`},
		"no kind":      {text: `{}`},
		"wrong type":   {text: `{"event":"node_ready","node":7}`, known: true},
		"huge number":  {text: `{"event":"run_ended","seconds":1e300}`, known: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var e Event
			err := json.Unmarshal([]byte(tt.text), &e)
			if err == nil {
				t.Fatalf("read %s: no error", tt.text)
			}
			if got := !errors.Is(err, ErrUnknownKind); got != tt.known {
				t.Errorf("read %s: got error %q, is of a known kind %v, want %v", tt.text, err, got, tt.known)
			}
		})
	}
	if _, err := json.Marshal(Event{}); err == nil {
		t.Error("write event without body: no error")
	}
}

func TestDuration(t *testing.T) {
	tests := map[string]struct {
		d    time.Duration
		want string
	}{
		"zero":     {0, "0"},
		"rounded":  {1499 * time.Nanosecond, "0.000001"},
		"seconds":  {90 * time.Second, "90"},
		"negative": {-time.Millisecond, "-0.001"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(Duration(tt.d))
			if err != nil || string(got) != tt.want {
				t.Errorf("write %v: got %s, %v, want %s", tt.d, got, err, tt.want)
			}
		})
	}
}

func FuzzUnmarshalEvent(f *testing.F) {
	for _, body := range samples() {
		text, err := json.Marshal(Event{Run: "01J", Seq: 1, Body: body})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var e Event
		if json.Unmarshal(text, &e) != nil || e.Time.Year() > 9999 {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("write what was read from %q: %v", text, err)
		}
		var back Event
		if err := json.Unmarshal(again, &back); err != nil {
			t.Errorf("read %q: %v", again, err)
		}
	})
}
