package live

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares got with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), set UPDATE_GOLDEN=1 to accept:\n%s", path, diff)
	}
}

// theater plays the events of a run to a view, whose terminal it is.
type theater struct {
	*emulator
	view   *View
	stream *event.Stream
	now    time.Time
}

func newTheater(width, height int, opts Options) *theater {
	th := &theater{emulator: newEmulator(width, height)}
	opts.Now = func() time.Time { return th.now }
	th.view = New(th.emulator, func() (int, int) { return th.width, th.height }, opts)
	th.at(0)
	th.stream = event.NewStream("01JD", opts.Now, th.view)
	return th
}

// at sets the time, in milliseconds.
func (th *theater) at(ms int) *theater {
	th.now = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	return th
}

func (th *theater) emit(bodies ...event.Body) *theater {
	for _, b := range bodies {
		th.stream.Emit(b)
	}
	return th
}

func (th *theater) tick() *theater {
	th.view.Tick(th.now)
	return th
}

// The lines above the frame are those of the plain view, and at the end they are
// all that there is.
func TestHistoryIsPlain(t *testing.T) {
	for name, opts := range map[string]Options{"plain": {}, "verbose": {Verbose: true}, "color": {Color: true}} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			plain := report.NewPlain(&out, report.Options{Verbose: opts.Verbose, Width: 40, Interval: time.Hour})
			th := newTheater(100, 40, opts)
			story(th, func(e event.Event) {
				if _, retry := e.Body.(event.NodeRetrying); !retry || opts.Verbose {
					plain.Emit(e)
				}
			})
			if err := th.view.Err(); err != nil {
				t.Fatal(err)
			}
			want := strings.TrimSuffix(out.String(), "\n")
			if diff := cmp.Diff(want, strings.Join(th.lines(), "\n")); diff != "" || !th.rests() {
				t.Errorf("terminal at the end (-want +got), cursor rests: %v\n%s", th.rests(), diff)
			}
		})
	}
}

func TestNothingIsDrawnOutsideOfARun(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, func() (int, int) { return 0, 0 }, Options{})
	v.Tick(time.Now())
	v.Close()
	if out.Len() > 0 {
		t.Errorf("before a run: got %q", out.String())
	}
	v.Print("plugin etcd: \x1b[2Jslow\nvery")
	v.Tick(time.Now())
	v.Tick(time.Now())
	if want := "\r\x1b[Jplugin etcd: \ufffd[2Jslow\nvery\n"; out.String() != want {
		t.Errorf("print: got %q, want %q", out.String(), want)
	}
}

// Events are as cheap as they are many: only ticks and the end draw.
func TestOnlyTicksDraw(t *testing.T) {
	w := &countingWriter{}
	v := New(w, func() (int, int) { return 80, 24 }, Options{})
	now := time.Unix(0, 0)
	stream := event.NewStream("01JD", func() time.Time { return now }, v)
	crowd(stream, 1000)
	if w.writes != 0 {
		t.Errorf("events: got %d writes", w.writes)
	}
	v.Tick(now)
	v.Tick(now)
	if w.writes != 1 {
		t.Errorf("two ticks at one moment: got %d writes, want 1", w.writes)
	}
	stream.Emit(event.RunEnded{})
	v.Tick(now.Add(Interval))
	v.Close()
	if w.writes != 2 {
		t.Errorf("at the end: got %d writes, want 2", w.writes)
	}
}

// A frame that did not change costs nothing, one that did only what differs.
func TestDrawWritesWhatDiffers(t *testing.T) {
	var out bytes.Buffer
	s := screen{w: &out}
	draw := func(want string, above string, lines ...string) {
		t.Helper()
		var frame []line
		for _, l := range lines {
			frame = append(frame, line{l, l})
		}
		out.Reset()
		s.draw([]byte(above), frame, size{20, 10})
		if out.String() != want {
			t.Errorf("draw %q: got %q, want %q", lines, out.String(), want)
		}
	}
	draw("\r\x1b[Ja\nb\n", "", "a", "b")
	draw("", "", "a", "b")
	draw("\r\x1b[2A\nc\x1b[K\nd\x1b[K\n", "", "a", "c", "d")
	draw("\r\x1b[3A\x1b[Jdone\na\nc\n", "done\n", "a", "c")
	draw("\r\x1b[2A\n\x1b[J", "", "a")
	draw("\r\x1b[1A\x1b[J", "")
	draw("", "")
}

// Lines that the shell wrote while the program was suspended stay as they are.
func TestResumedAfterSuspension(t *testing.T) {
	th := newTheater(40, 10, Options{})
	th.emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "a.hcl", Nodes: 2})
	th.emit(event.NodeStarted{Node: "phase.a", Attempt: 1}).tick()
	fmt.Fprint(th.emulator, "Stopped\n$ fg\n")
	th.at(60_000).tick().at(60_100).tick()
	want := "  - phase.a             0.0s\n  0.0s  0 of 2 done, 1 running, 1 left\nStopped\n$ fg\n" +
		"  \\ phase.a            1m00s\n  1m00s  0 of 2 done, 1 running, 1 left\n"
	if !strings.HasSuffix(th.screen(), want) {
		t.Errorf("got\n%swant at the end\n%s", th.screen(), want)
	}
}

type countingWriter struct {
	writes int
	err    error
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

func TestErrorOfTheTerminalIsKept(t *testing.T) {
	errGone := errors.New("input/output error")
	w := &countingWriter{err: errGone}
	v := New(w, func() (int, int) { return 80, 24 }, Options{})
	for i := range 3 {
		v.Print("text")
		v.Tick(time.Unix(int64(i), 0))
	}
	if !errors.Is(v.Err(), errGone) || w.writes != 1 {
		t.Errorf("got %v after %d writes, want %v after 1", v.Err(), w.writes, errGone)
	}
}
