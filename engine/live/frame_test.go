package live

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

func TestFrames(t *testing.T) {
	for name, tt := range map[string]struct {
		size
		opts Options
	}{
		"wide":    {size{120, 50}, Options{}},
		"usual":   {size{80, 24}, Options{}},
		"small":   {size{50, 12}, Options{}},
		"tiny":    {size{24, 4}, Options{}},
		"color":   {size{100, 30}, Options{Color: true}},
		"verbose": {size{100, 30}, Options{Verbose: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := newState(tt.width)
			th := newTheater(tt.width, tt.height, tt.opts)
			th.stream = event.NewStream("01JD", func() time.Time { return th.now }, event.SinkFunc(s.apply))
			for _, sc := range scenes() {
				for _, later := range []int{0, 250} {
					if later == 0 {
						th.at(sc.at).emit(sc.bodies...)
					}
					frame := s.frame(th.at(sc.at+later).now, space{size: tt.size, color: tt.opts.Color, logs: !tt.opts.Verbose})
					fmt.Fprintf(&out, "-- %v --\n", time.Duration(sc.at+later)*time.Millisecond)
					check(t, frame, tt.size)
					for _, l := range frame {
						fmt.Fprintln(&out, strings.ReplaceAll(l.text, "\x1b", "^"))
					}
				}
			}
			golden(t, name+".txt", out.Bytes())
		})
	}
}

// check demands that a frame leaves a free column and a free row.
func check(t *testing.T, frame []line, sz size) {
	t.Helper()
	if len(frame) >= sz.height {
		t.Errorf("got %d lines on a terminal of %d", len(frame), sz.height)
	}
	for _, l := range frame {
		if n := columns(l.plain); n >= sz.width {
			t.Errorf("got %d columns on a terminal of %d: %q", n, sz.width, l.plain)
		}
	}
}

func TestManyPhases(t *testing.T) {
	s := newState(80)
	stream := event.NewStream("01JD", func() time.Time { return time.Unix(0, 0) }, event.SinkFunc(s.apply))
	crowd(stream, 5000)
	frame := s.frame(time.Unix(65, 0), space{size: size{80, 24}, logs: true})
	check(t, frame, size{80, 24})
	var got []string
	for _, l := range frame {
		got = append(got, l.plain)
	}
	for _, want := range []string{
		`  - phase.many["0"]                    1m05s  line of log 0`,
		`    and 1238 more`,
		`  . 1250 phases                        1m05s  waiting for pool pull`,
		`  . 1250 phases                        1m05s  ready`,
		`  1m05s  [===---------] 1250 of 5000 done, 1250 running, 2500 left`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no line %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// crowd has phases in all states, a quarter each.
func crowd(stream *event.Stream, n int) {
	stream.Emit(event.RunStarted{Operation: event.OperationApply, Pipeline: "many.hcl", Nodes: n})
	for i := range n {
		node := fmt.Sprintf("phase.many[%q]", fmt.Sprint(i))
		stream.Emit(event.NodeReady{Node: node})
		switch i % 4 {
		case 0:
			stream.Emit(event.NodeStarted{Node: node, Attempt: 1})
			stream.Emit(event.NodeLog{Node: node, Message: fmt.Sprint("line of log ", i)})
		case 1:
			stream.Emit(event.NodeWaiting{Node: node, Pool: "pull"})
		case 2:
			stream.Emit(event.NodeEnded{Node: node, Status: event.Succeeded})
		}
	}
}

// Each event counts, whatever came before it: what is left never gets negative,
// and nothing is kept of what has ended.
func TestFoldForgetsWhatEnded(t *testing.T) {
	s := newState(80)
	stream := event.NewStream("01JD", func() time.Time { return time.Unix(0, 0) }, event.SinkFunc(s.apply))
	stream.Emit(event.RunStarted{Nodes: 1})
	stream.Emit(event.NodeRetrying{Node: "a", Attempt: 1, Reason: "x"})
	stream.Emit(event.NodeWaiting{Node: "a", Pool: "p"})
	stream.Emit(event.NodeStarted{Node: "a", Attempt: 2})
	stream.Emit(event.NodeEnded{Node: "a", Status: event.Succeeded})
	stream.Emit(event.NodeLog{Node: "a", Message: "late"})
	stream.Emit(event.NodeProgress{Node: "a", ID: "late"})
	if len(s.phases) != 0 || len(s.busy) != 0 || s.counts[event.Succeeded] != 1 {
		t.Errorf("got %d phases, %d busy, %v ended", len(s.phases), len(s.busy), s.counts)
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newState(120)
			crowd(event.NewStream("01JD", time.Now, event.SinkFunc(s.apply)), n)
			now := time.Now().Add(time.Minute)
			b.ReportAllocs()
			for b.Loop() {
				s.frame(now, space{size: size{120, 50}, logs: true})
			}
		})
	}
}
