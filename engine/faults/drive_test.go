package faults

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a host whose commands do what a function says.
type lab struct {
	run func(argv []string, out io.Writer, killed <-chan struct{}) int
}

func (l lab) Start(_ context.Context, argv []string, out, _ io.Writer) (Process, error) {
	p := &labProcess{killed: make(chan struct{}), ended: make(chan int, 1)}
	p.kill = sync.OnceFunc(func() { close(p.killed) })
	go func() { p.ended <- l.run(argv, out, p.killed) }()
	return p, nil
}

type labProcess struct {
	killed chan struct{}
	kill   func()
	ended  chan int
}

func (p *labProcess) Signal(os.Signal) error { p.kill(); return nil }
func (p *labProcess) Wait() (int, error)     { return <-p.ended, nil }
func (p *labProcess) PID() int               { return 0 }

const (
	lineStarted = `{"event":"node_started","time":"2026-01-02T15:04:05Z","run":"r","seq":1,"node":"phase.a","attempt":1}` + "\n"
	lineEnded   = `{"event":"node_ended","time":"2026-01-02T15:04:05Z","run":"r","seq":2,"node":"phase.a","status":"succeeded"}` + "\n"
)

func TestDrive(t *testing.T) {
	script := func(lines string, waits bool) lab {
		return lab{func(_ []string, out io.Writer, killed <-chan struct{}) int {
			for _, b := range []byte(lines) { // one by one, as a pipe may give them
				_, _ = out.Write([]byte{b})
			}
			if waits {
				<-killed
				return -1
			}
			return 0
		}}
	}
	for name, tt := range map[string]struct {
		host   lab
		fault  *Fault
		code   int
		struck bool
		events int
		fails  string
	}{
		"calm":          {host: script(lineStarted+lineEnded, false), events: 2},
		"at an event":   {host: script(lineStarted, true), fault: &Fault{At: Nth(1), Strike: Signal(os.Kill)}, code: -1, struck: true, events: 1},
		"after a time":  {host: script(lineStarted, true), fault: &Fault{After: time.Millisecond, Strike: Signal(os.Kill)}, code: -1, struck: true, events: 1},
		"never":         {host: script(lineStarted, false), fault: &Fault{At: Nth(5), Strike: Signal(os.Kill)}, events: 1},
		"cut short":     {host: script(lineStarted+lineEnded[:20], false), events: 1},
		"no event":      {host: script("Error: x\n", false), fails: "read event"},
		"cannot strike": {host: script(lineStarted, false), fault: &Fault{At: Nth(1), Strike: func(Process) error { return errors.New("no") }}, struck: true, events: 1, fails: "no"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Drive(t.Context(), tt.host, []string{"x"}, tt.fault)
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got error %v, want %q", err, tt.fails)
			}
			if got.Code != tt.code || got.Struck != tt.struck || len(got.Events) != tt.events {
				t.Errorf("got code %d, struck %v, %d events", got.Code, got.Struck, len(got.Events))
			}
		})
	}
}

// A fault that strikes again is asked about every event.
func TestDriveAgain(t *testing.T) {
	for again, want := range map[bool]int{false: 1, true: 2} {
		strikes := 0
		l := lab{func(_ []string, out io.Writer, _ <-chan struct{}) int {
			_, _ = io.WriteString(out, lineStarted+lineEnded)
			return 0
		}}
		_, err := Drive(t.Context(), l, []string{"x"}, &Fault{
			At: func(event.Event) bool { return true }, Again: again,
			Strike: func(Process) error { strikes++; return nil },
		})
		if err != nil || strikes != want {
			t.Errorf("again %v: got %d strikes, %v, want %d", again, strikes, err, want)
		}
	}
}

func TestDriveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := Drive(ctx, lab{func(_ []string, _ io.Writer, killed <-chan struct{}) int { <-killed; return -1 }}, []string{"x"}, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// The prover finds what it is there to find.
func TestProver(t *testing.T) {
	type host struct {
		plans, undoes int    // their exit codes
		resume        string // what an apply prints after a fault
		code          int    // and its exit code
	}
	for name, tt := range map[string]struct {
		host
		defect string
	}{
		"well":            {host{resume: "", code: 0}, ""},
		"never settled":   {host{plans: 2}, "a plan finds something to do"},
		"leaves things":   {host{undoes: 3}, "undo leaves something"},
		"forgets":         {host{resume: lineStarted}, "phase.a was done, and runs again"},
		"does not finish": {host{code: 1}, "the next apply does not finish"},
	} {
		t.Run(name, func(t *testing.T) {
			struck := false
			l := lab{func(argv []string, out io.Writer, killed <-chan struct{}) int {
				switch argv[0] {
				case "plan":
					return tt.plans
				case "undo":
					struck = false
					return tt.undoes
				}
				if struck {
					_, _ = io.WriteString(out, tt.resume)
					return tt.code
				}
				_, _ = io.WriteString(out, lineStarted+lineEnded)
				select {
				case <-killed:
					struck = true
					return -1
				default:
					return 0
				}
			}}
			var said strings.Builder
			p := Prover{Host: l, Apply: []string{"apply"}, Plan: []string{"plan"}, Undo: []string{"undo"}, Out: &said}
			err := p.Run(t.Context())
			if errors.Is(err, ErrDefects) != (tt.defect != "") || !strings.Contains(said.String(), tt.defect) {
				t.Errorf("got %v:\n%s", err, said.String())
			}
		})
	}
}

func TestAskedAndSpread(t *testing.T) {
	e := Ending{Talk: "x --rerun 'phase.a' y --rerun 'phase.b[\"x\"]' --rerun 'phase.a'"}
	if got, want := Asked(e), []string{"--rerun", "phase.a", "--rerun", `phase.b["x"]`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for n, want := range map[int][]int{3: {1, 2, 3}, 10: {1, 3, 6, 8}} {
		if got := spread(n, 4); !slices.Equal(got, want) {
			t.Errorf("spread(%d): got %v, want %v", n, got, want)
		}
	}
}

func TestLocal(t *testing.T) {
	var out strings.Builder
	p, err := Local{Dir: t.TempDir(), Env: []string{"X=y"}}.Start(t.Context(), []string{"/bin/sh", "-c", "echo $X; exit 3"}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(); code != 3 || err != nil || out.String() != "y\n" {
		t.Errorf("got %d, %v, %q", code, err, out.String())
	}
	if err := p.Signal(os.Kill); err != nil {
		t.Errorf("signal after the end: %v", err)
	}
	if _, err := (Local{}).Start(t.Context(), []string{"/no/such/program"}, io.Discard, io.Discard); err == nil {
		t.Error("no such program: no error")
	}
}
