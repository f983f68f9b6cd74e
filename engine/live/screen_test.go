package live

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Whatever is drawn and however the terminal changes its size: the frame is the
// last thing on it, what is above is whole and in order, and nothing else is left.
func TestScreenKeepsOnlyTheLastFrame(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab日é ")))
	rapid.Check(t, func(t *rapid.T) {
		term := newEmulator(rapid.IntRange(20, 60).Draw(t, "width"), 40)
		s := screen{w: term}
		var above []string
		for i := range rapid.IntRange(1, 12).Draw(t, "draws") {
			if rapid.Bool().Draw(t, "resized") {
				term.resize(rapid.IntRange(20, 60).Draw(t, "width"), rapid.IntRange(30, 40).Draw(t, "height"))
			}
			var frame []line
			var want []string
			for range rapid.IntRange(0, 6).Draw(t, "lines") {
				l := render([]span{{cyan, "x"}, {"", text.Draw(t, "text")}}, term.width-1, true)
				frame = append(frame, l)
				want = append(want, strings.TrimRight(l.plain, " "))
			}
			var history string
			for j := range rapid.IntRange(0, 3).Draw(t, "above") {
				l := strings.TrimRight(fmt.Sprintf("%d.%d %s", i, j, text.Draw(t, "text")), " ")
				above = append(above, l)
				history += l + "\n"
			}
			s.draw([]byte(history), frame, term.size)
			if s.err != nil {
				t.Fatal(s.err)
			}
			if diff := cmp.Diff(trimmed(slices.Concat(above, want)), strings.Join(term.lines(), "\n")); diff != "" || !term.rests() {
				t.Fatalf("terminal (-want +got), cursor rests: %v\n%s", term.rests(), diff)
			}
		}
	})
}

func trimmed(lines []string) string { return strings.TrimRight(strings.Join(lines, "\n"), "\n") }

// A terminal that got too low for the frame loses the top of it to its scrollback,
// but the next frame is whole and the end is clean.
func TestScreenGetsLower(t *testing.T) {
	th := newTheater(100, 30, Options{})
	for _, sc := range scenes() {
		th.at(sc.at).emit(sc.bodies...)
	}
	th.tick()
	th.resize(60, 8)
	th.at(12100).tick()
	frame := th.view.state.frame(th.now, space{size: th.size, logs: true})
	check(t, frame, th.size)
	var want string
	for _, l := range frame {
		want += l.plain + "\n"
	}
	if got := th.screen(); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant at the end\n%s", got, want)
	}
	th.emit(event.RunEnded{Status: event.RunFailed})
	if got := th.screen(); strings.Contains(got, "running") || !th.rests() {
		t.Errorf("at the end, cursor rests: %v\n%s", th.rests(), got)
	}
}

// What plugins say reaches the terminal as text, in frames and above them.
func FuzzView(f *testing.F) {
	f.Add("phase.a", "a\x1b[2Jb\nc\r\x9b31m\u009b", "p\x07", 80, 24)
	f.Add("日本語", "\x1b]0;title\x07", "\xff", 9, 3)
	f.Fuzz(func(t *testing.T, node, text, word string, width, height int) {
		th := newTheater(1+(width&0xff), 1+(height&0x3f), Options{Color: true, Verbose: len(text)%2 == 0})
		level, change := event.Level(word), event.Change{Op: event.Op(word), Kind: word, Target: text}
		th.emit(event.RunStarted{Pipeline: text, Nodes: 3}, event.NodeReady{Node: node}, event.NodeWaiting{Node: node, Pool: word}).tick()
		th.at(100).emit(event.NodePlanned{Node: node, Type: word, Changes: []event.Change{change}},
			event.NodeStarted{Node: node, Type: word, Attempt: 2}, event.ChangeDone{Node: node, Change: change}).tick()
		for i := range 40 {
			th.at(200+100*i).emit(
				event.NodeLog{Node: node, Level: level, Message: text, Fields: map[string]string{word: text}},
				event.NodeProgress{Node: node, ID: word, Label: text, Current: int64(i), Total: int64(width), Unit: word}).tick()
		}
		th.view.Print(text)
		th.emit(event.NodeRetrying{Node: node, Reason: text}).tick()
		problem := &event.Problem{Message: text, Hint: text, Source: word}
		th.emit(event.NodeEnded{Node: node, Type: word, Status: event.Failed, Cause: text, Reason: text, Problem: problem, Leftovers: []string{text}})
		th.emit(event.RunStopping{Reason: text, Running: []string{node}}).tick()
		th.emit(event.RunEnded{})
		if th.view.Err() != nil || !th.rests() {
			t.Errorf("cursor rests: %v, %v", th.rests(), th.view.Err())
		}
	})
}
