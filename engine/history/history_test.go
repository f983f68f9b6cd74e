package history

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func record(t *testing.T, dir, run string, at time.Time, bodies ...event.Body) {
	t.Helper()
	r, err := Record(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	stream := event.NewStream(run, func() time.Time { return at }, r)
	stream.Emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "p.hcl"})
	for _, b := range bodies {
		stream.Emit(b)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListAndForget(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for i := range keep + 3 {
		record(t, dir, fmt.Sprintf("r%02d", i), at.Add(time.Duration(i)*time.Hour), event.RunEnded{Status: event.RunFailed})
	}
	record(t, dir, "r99", at.Add(99*time.Hour))
	runs, err := List(dir)
	if err != nil || len(runs) != keep {
		t.Fatalf("got %d runs, %v, want %d", len(runs), err, keep)
	}
	if runs[0].ID != "r99" || runs[0].Ended != nil || runs[1].ID != "r22" || runs[1].Ended.Status != event.RunFailed {
		t.Errorf("got %+v, %+v", runs[0], runs[1])
	}
	info, err := os.Stat(runs[0].Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v", info.Mode(), err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if runs, err := List(dir); len(runs) > 0 || err != nil {
		t.Errorf("after remove: got %v, %v", runs, err)
	}
}

// A run that logs without end has a history of bounded size, and its end is in it.
func TestRecordIsBounded(t *testing.T) {
	var text bytes.Buffer
	w := bufio.NewWriter(&text)
	f := &file{buffer: w, lines: report.NewJSON(w), limit: 10_000}
	stream := event.NewStream("r1", time.Now, f)
	for range 1000 {
		stream.Emit(event.NodeLog{Node: "a", Message: strings.Repeat("x", 100)})
		stream.Emit(event.NodeProgress{Node: "a", ID: "x"})
	}
	stream.Emit(event.RunEnded{Status: event.RunSucceeded})
	f.Tick(time.Now())
	if text.Len() > 40_000 || !strings.Contains(text.String(), "run_ended") {
		t.Errorf("got %d bytes, want less and the end of the run", text.Len())
	}
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	r, err := Record(dir, "r1")
	if err != nil {
		t.Fatal(err)
	}
	stream := event.NewStream("r1", time.Now, r)
	stream.Emit(event.RunStarted{})
	path := filepath.Join(dir, dirName, "r1"+extension)
	var seen []event.Kind
	sink := event.SinkFunc(func(e event.Event) {
		seen = append(seen, e.Body.Kind())
		switch len(seen) {
		case 1: // not before the reader is there
			stream.Emit(event.NodeReady{Node: "a"})
		case 2:
			stream.Emit(event.RunEnded{})
		}
	})
	ended, err := Follow(t.Context(), path, func() bool { return true }, sink)
	if !ended || err != nil || fmt.Sprint(seen) != "[run_started node_ready run_ended]" {
		t.Errorf("got ended %v, %v, %v", ended, err, seen)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// The end of a process and of the reader's patience both end the watching.
func TestFollowWithoutAnEnd(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "r1", time.Now(), event.NodeReady{Node: "a"})
	path := filepath.Join(dir, dirName, "r1"+extension)
	seen := 0
	count := event.SinkFunc(func(event.Event) { seen++ })
	var asked atomic.Int32
	ended, err := Follow(t.Context(), path, func() bool { return asked.Add(1) < 3 }, count)
	if ended || err != nil || seen != 2 {
		t.Errorf("dead: got ended %v, %v, %d events", ended, err, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ended, err := Follow(ctx, path, func() bool { return true }, count); ended || err != nil {
		t.Errorf("cancelled: got ended %v, %v", ended, err)
	}
	if _, err := Follow(t.Context(), path+"x", func() bool { return true }, count); err == nil {
		t.Error("no such run: no error")
	}
}
