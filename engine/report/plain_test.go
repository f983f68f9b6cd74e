package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Long phases get a line every ten seconds, whether events come or just time
// passes, and never two at once.
func TestPlainLongPhases(t *testing.T) {
	var out bytes.Buffer
	p := NewPlain(&out, Options{Width: 10})
	tl := tell(p)
	tl.at(0).emit(event.NodeStarted{Node: "phase.a", Attempt: 1}, event.NodeReady{Node: "phase.c"})
	tl.at(4000).emit(event.NodeStarted{Node: "phase.b", Attempt: 1})
	tl.at(5000).emit(event.NodeProgress{Node: "phase.a", Label: "waiting for /readyz", Current: 3, Total: 5, Unit: "checks"})
	for s := 6; s <= 35; s++ {
		p.Tick(tl.at(s * 1000).now)
		if s == 22 {
			tl.emit(event.NodeLog{Node: "phase.b", Level: event.LevelDebug, Message: "asking again\nmore"})
			tl.emit(event.NodeEnded{Node: "phase.a", Status: event.Succeeded, Duration: ms(22000)})
		}
		if s == 26 {
			tl.emit(event.NodeRetrying{Node: "phase.b", Attempt: 1, Reason: "refused", Delay: ms(500)}, event.NodeStarted{Node: "phase.b", Attempt: 2})
		}
	}
	want := strings.Join([]string{
		"  * phase.a     running      10.0s  waiting for /readyz 3 of 5 checks",
		"  * phase.b     running      10.0s",
		"  * phase.a     running      20.0s  waiting for /readyz 3 of 5 checks",
		"  + phase.a     done         22.0s",
		"  * phase.b     running      20.0s  asking again …",
		"  * phase.b     retrying            attempt 1 failed, next in 0.50s: refused",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	p.Tick(tl.at(36_000).now)
	if want := "  * phase.b     running      32.0s  attempt 2\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("ten seconds after the retry: got %q at the end, want %q", out.String(), want)
	}
}

// What to do about a warning stands on a line of its own.
func TestPlainHint(t *testing.T) {
	var out bytes.Buffer
	p := NewPlain(&out, Options{})
	tell(p).emit(event.NodeLog{
		Node: "phase.a", Level: event.LevelWarn, Message: "swap is on", Fields: map[string]string{"hint": "Turn it off:\nswapoff -a", "check": "Swap"},
	})
	want := "    phase.a | warn: swap is on check=Swap\n      Turn it off:\n      swapoff -a\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// limitedWriter takes so many writes.
type limitedWriter struct{ left int }

var errClosed = errors.New("broken pipe")

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errClosed
	}
	return len(p), nil
}

func TestViewsKeepTheFirstError(t *testing.T) {
	w := &limitedWriter{left: 2}
	plain := NewPlain(w, Options{})
	goodRun(plain)
	if !errors.Is(plain.Err(), errClosed) || w.left != -1 {
		t.Errorf("plain: got %v after %d more writes, want %v and none", plain.Err(), -1-w.left, errClosed)
	}
	w = &limitedWriter{left: 2}
	js := NewJSON(w)
	goodRun(js)
	if !errors.Is(js.Err(), errClosed) || w.left != -1 {
		t.Errorf("json: got %v after %d more writes, want %v and none", js.Err(), -1-w.left, errClosed)
	}
	if err := WritePlan(&limitedWriter{}, Plan{}, Options{}); !errors.Is(err, errClosed) {
		t.Errorf("plan: got %v, want %v", err, errClosed)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	js := NewJSON(&out)
	tell(js).emit(event.NodeReady{Node: "a -> b"})
	want := `{"event":"node_ready","time":"2026-01-02T15:04:05Z","run":"01JD","seq":1,"node":"a -> b"}` + "\n"
	if out.String() != want || js.Err() != nil {
		t.Errorf("got %q, %v, want %q", out.String(), js.Err(), want)
	}
}

// slowView counts what it is told, when it is let.
type slowView struct {
	gate   chan struct{}
	events int
	ticks  int
	text   string
}

func (v *slowView) Emit(event.Event)  { <-v.gate; v.events++ }
func (v *slowView) Tick(time.Time)    { v.ticks++ }
func (v *slowView) Print(text string) { v.text += text }

func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &slowView{gate: make(chan struct{})}
		b := InBackground(v)
		goodRun(b) // does not wait for the view
		synctest.Wait()
		if v.events != 0 {
			t.Errorf("events: got %d although the view hangs", v.events)
		}
		close(v.gate)
		<-time.After(3*time.Second + time.Millisecond) // by the bubble's clock
		b.Close()
		b.Close()
		count := 0
		goodRun(event.SinkFunc(func(event.Event) { count++ }))
		if v.events != count || v.ticks != 3 {
			t.Errorf("got %d events and %d ticks, want %d and 3", v.events, v.ticks, count)
		}
	})
}

func TestBackgroundAtAnotherInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &slowView{}
		b := InBackgroundEvery(100*time.Millisecond, v)
		<-time.After(time.Second + time.Millisecond)
		b.Close()
		if v.ticks != 10 {
			t.Errorf("ticks in a second: got %d, want 10", v.ticks)
		}
	})
}

// Who prints never writes at the same time as the view, nor waits for one that is
// closed.
func TestBackgroundPrints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &slowView{gate: make(chan struct{})}
		b := InBackground(v)
		b.Emit(event.Event{})
		synctest.Wait() // the view is busy with it
		printed := make(chan bool)
		go func() { printed <- b.Print("one") }()
		synctest.Wait()
		if v.text != "" {
			t.Errorf("printed %q while the view is busy", v.text)
		}
		close(v.gate)
		if !<-printed {
			t.Error("not printed although the view is open")
		}
		b.Close()
		if b.Print("two") || v.text != "one" {
			t.Errorf("after Close: got %q, want only the first text", v.text)
		}
	})
}

func TestText(t *testing.T) {
	for name, tt := range map[string]struct{ got, want string }{
		"milliseconds": {Seconds(12 * time.Millisecond), "0.01s"},
		"seconds":      {Seconds(59*time.Second + 900*time.Millisecond), "59.9s"},
		"minutes":      {Seconds(92*time.Second + 600*time.Millisecond), "1m33s"},
		"hours":        {Seconds(62*time.Minute + 10*time.Second), "1h02m"},
		"bytes":        {amount(512, 0, "bytes"), "512 B"},
		"more bytes":   {amount(61<<20, 118<<20, "bytes"), "61.0 MiB of 118.0 MiB"},
		"many bytes":   {amount(5<<50, 0, "bytes"), "5120.0 TiB"},
		"steps":        {amount(3, 5, ""), "3 of 5"},
		"files":        {amount(3, 0, "files"), "3 files"},
		"one":          {phases(1), "1 phase"},
		"none":         {phases(0), "0 phases"},
		"escape":       {clean("a\x1b[2Jb\tc\r\u0085"), "a\ufffd[2Jb c\ufffd\ufffd"},
		"direction":    {clean("a\u202eb\u2066c"), "a\ufffdb\ufffdc"},
		"first line":   {OneLine(" a\nb "), "a …"},
		"fields":       {fields(map[string]string{"b": "x y", "a": "1", "c": ""}), ` a=1 b="x y" c=""`},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}
