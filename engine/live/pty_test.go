package live

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

// terminal is a real one. What it is told arrives at an emulator.
type terminal struct {
	*emulator // of its reader, until end or between await and the next write
	tty       *os.File
	seen      chan string   // the screen, whenever it changed
	done      chan struct{} // closed when the terminal is
	err       error
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	pt, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = pt.Close() })
	if err := pty.Setsize(pt, &pty.Winsize{Cols: 60, Rows: 20}); err != nil {
		t.Fatal(err)
	}
	term := &terminal{
		emulator: newEmulator(60, 20), tty: tty, seen: make(chan string, 1), done: make(chan struct{}),
	}
	go func() {
		defer close(term.done)
		buf := make([]byte, 4096)
		for {
			n, err := pt.Read(buf)
			if err != nil {
				return // the other side is closed
			}
			if _, err := term.Write(buf[:n]); err != nil && term.err == nil {
				term.err = err
			}
			select {
			case <-term.seen: // the latest one is enough
			default:
			}
			term.seen <- term.screen()
		}
	}()
	return term
}

func (term *terminal) size() (width, height int) {
	rows, cols, err := pty.Getsize(term.tty)
	if err != nil {
		return 0, 0
	}
	return cols, rows
}

// await returns when all the words are on the screen.
func (term *terminal) await(t *testing.T, words ...string) {
	t.Helper()
	late := time.After(30 * time.Second)
	var last string
next:
	for {
		select {
		case last = <-term.seen:
		case <-late:
			t.Fatalf("no %q on the screen\n%s", words, last)
		}
		for _, w := range words {
			if !strings.Contains(last, w) {
				continue next
			}
		}
		return
	}
}

// change gives the terminal another size, when all that was written has arrived.
func (term *terminal) change(t *testing.T, width, height int) {
	t.Helper()
	term.resize(width, height)
	if err := pty.Setsize(term.tty, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		t.Fatal(err)
	}
}

// end closes the terminal and waits until all of it has arrived.
func (term *terminal) end(t *testing.T) {
	t.Helper()
	if err := term.tty.Close(); err != nil {
		t.Fatal(err)
	}
	<-term.done
	if term.err != nil {
		t.Error(term.err)
	}
	if !term.rests() {
		t.Errorf("the cursor is at %d,%d of\n%s", term.row-term.top, term.col, term.screen())
	}
}

func TestRealTerminalEndsClean(t *testing.T) {
	const began = "apply a.hcl: 3 phases, run 01JD, clusterflow v1\n  + phase.a                   done\n"
	failed := event.NodeEnded{Node: "phase.b", Status: event.Failed, Problem: &event.Problem{Message: "no"}}
	for name, tt := range map[string]struct {
		end  []event.Body
		kill bool // without Close
		want string
	}{
		"success": {
			end: []event.Body{
				event.NodeEnded{Node: "phase.b", Status: event.Succeeded}, event.NodeEnded{Node: "phase.c", Status: event.Unchanged}, event.RunEnded{},
			},
			want: began + "  + phase.b                   done\n  = phase.c                   unchanged\n",
		},
		"failure": {
			end:  []event.Body{failed, event.NodeEnded{Node: "phase.c", Status: event.Blocked, Cause: "phase.b"}, event.RunEnded{}},
			want: began + "  ! phase.b                   failed\n      no\n  . phase.c                   blocked             by phase.b\n",
		},
		"stopped early": {end: []event.Body{event.RunStopping{Reason: "interrupted"}}, want: began + "stopping: interrupted\n"},
		"killed":        {kill: true, want: began + "  * phase.b"},
	} {
		t.Run(name, func(t *testing.T) {
			term := openTerminal(t)
			view := New(term.tty, term.size, Options{Color: true})
			back := report.InBackgroundEvery(time.Millisecond, view)
			stream := event.NewStream("01JD", time.Now, back)
			stream.Emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "a.hcl", Nodes: 3, Engine: "v1"})
			stream.Emit(event.NodeEnded{Node: "phase.a", Status: event.Succeeded})
			stream.Emit(event.NodeStarted{Node: "phase.b", Attempt: 1})
			stream.Emit(event.NodeRetrying{Node: "phase.b", Attempt: 1, Reason: "x"})
			term.await(t, "phase.a", "phase.b", "1 of 3 done, 1 retrying, 1 left")
			for _, b := range tt.end {
				stream.Emit(b)
			}
			back.Close()
			if !tt.kill {
				view.Close()
			}
			term.end(t)
			got := strings.Join(term.lines(), "\n") + "\n"
			if tt.kill {
				got = got[:min(len(got), len(tt.want))]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || view.Err() != nil {
				t.Errorf("screen (-want +got), %v:\n%s", view.Err(), diff)
			}
		})
	}
}

func TestRealTerminalChangesItsSize(t *testing.T) {
	term := openTerminal(t)
	view := New(term.tty, term.size, Options{})
	now := time.Now()
	stream := event.NewStream("01JD", func() time.Time { return now }, view)
	stream.Emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "a.hcl", Nodes: 1, Engine: "v1"})
	stream.Emit(event.NodeStarted{Node: "phase.b", Attempt: 1})
	stream.Emit(event.NodeLog{Node: "phase.b", Message: "a long line of a log"})
	view.Tick(now)
	term.await(t, "a long line of a log", "0 of 1 done, 1 running\n")
	term.change(t, 46, 10)
	view.Tick(now)
	term.await(t, "a long line …", "0 of 1 done, 1 running\n")
	stream.Emit(event.RunEnded{})
	term.end(t)
	if got, want := strings.Join(term.lines(), "\n"), "apply a.hcl: 1 phase, run 01JD, clusterflow v1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
