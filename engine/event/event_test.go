package event

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStreamNumbersAndDates(t *testing.T) {
	var got []Event
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("east", 3600))
	collect := SinkFunc(func(e Event) { got = append(got, e) })
	s := NewStream("01J", func() time.Time { return at }, Tee(collect, collect, Tee()))
	last := s.Emit(NodeReady{Node: "a"})
	s.Emit(NodeReady{Node: "b"})
	var seqs []uint64
	for _, e := range got {
		seqs = append(seqs, e.Seq)
		if e.Run != "01J" || !e.Time.Equal(at) || e.Time.Location() != time.UTC {
			t.Errorf("got run %q at %v, want 01J at %v in UTC", e.Run, e.Time, at)
		}
	}
	if diff := cmp.Diff([]uint64{1, 1, 2, 2}, seqs); diff != "" {
		t.Errorf("sequence numbers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got[0], last); diff != "" {
		t.Errorf("returned event (-want +got):\n%s", diff)
	}
}

func TestSubject(t *testing.T) {
	for _, body := range samples() {
		want := "phase.ca"
		switch body := body.(type) {
		case RunStarted, RunStopping, RunEnded:
			want = ""
		case NodeStarted:
			want = body.Node
		}
		if got := (Event{Body: body}).Subject(); got != want {
			t.Errorf("subject of %s: got %q, want %q", body.Kind(), got, want)
		}
	}
}

func TestStatuses(t *testing.T) {
	var terminal, good []Status
	for _, s := range Statuses() {
		if s.Terminal() {
			terminal = append(terminal, s)
		}
		if s.Good() {
			good = append(good, s)
		}
	}
	if diff := cmp.Diff([]Status{Succeeded, Unchanged, Skipped, Failed, Blocked, Cancelled, Unknown}, terminal); diff != "" {
		t.Errorf("terminal statuses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Status{Succeeded, Unchanged}, good); diff != "" {
		t.Errorf("good statuses (-want +got):\n%s", diff)
	}
	if Status("asleep").Terminal() {
		t.Error("a status that is not known is terminal")
	}
}

func TestLevels(t *testing.T) {
	tests := map[string]struct {
		level, least Level
		want         bool
	}{
		"same":             {LevelWarn, LevelWarn, true},
		"more":             {LevelError, LevelWarn, true},
		"less":             {LevelInfo, LevelWarn, false},
		"trace":            {LevelTrace, LevelDebug, false},
		"unknown is info":  {"notice", LevelInfo, true},
		"unknown no warn":  {"notice", LevelWarn, false},
		"debug over trace": {LevelDebug, LevelTrace, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.level.AtLeast(tt.least); got != tt.want {
				t.Errorf("%s at least %s: got %v, want %v", tt.level, tt.least, got, tt.want)
			}
		})
	}
}
