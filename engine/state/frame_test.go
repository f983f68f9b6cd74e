package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/clusterflow/clusterflow/engine/event"
)

// story is a small journal with every kind of record.
func story() []Record {
	return []Record{
		run("r0"),
		snapshot{Run: run("r1").Run, Clock: 7},
		kept{Node{Address: "z", Identity: id("etcd.member", "h"), Status: Succeeded}},
		run("r2"), start("a", "h1", "p0", 1),
		Checkpoint{"a", []byte("p1")},
		end("a", event.Succeeded, "p2", 2),
		start("b", "h2", "", 2),
		NodeEnd{Address: "b", Status: event.Failed, Problem: &event.Problem{Message: "<no>", Hint: "do"}, Time: at(3)},
		UndoStart{Address: "z", Attempt: 1, Time: at(4)},
		NodeUndone{Address: "z", Time: at(5)},
		RunEnd{Status: event.RunFailed, Counts: map[event.Status]int{event.Failed: 1}, Time: at(6)},
	}
}

// encode returns the journal of the records and where each frame ends.
func encode(tb testing.TB, records ...Record) (text []byte, ends []int) {
	tb.Helper()
	text = fileHeader()
	ends = []int{len(text)}
	for _, r := range records {
		var err error
		if text, err = appendFrame(text, r); err != nil {
			tb.Fatal(err)
		}
		ends = append(ends, len(text))
	}
	return text, ends
}

func equalStates(a, b *State) string {
	return cmp.Diff(a, b, cmp.AllowUnexported(State{}), cmpopts.EquateEmpty())
}

// A journal that is cut anywhere gives exactly the records that are whole.
func TestParseTornAtEveryByte(t *testing.T) {
	text, ends := encode(t, story()...)
	for cut := ends[0]; cut <= len(text); cut++ {
		s, records, err := parse(text[:cut])
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		whole := 0
		for whole+1 < len(ends) && ends[whole+1] <= cut {
			whole++
		}
		want := fold(story()[:whole]...)
		if ends[whole] != cut {
			want.Damage = &Damage{Offset: int64(ends[whole]), Bytes: int64(cut - ends[whole]), Torn: true}
		}
		if diff := equalStates(want, s); diff != "" || records != whole {
			t.Fatalf("cut at %d: got %d records, want %d (-want +got):\n%s", cut, records, whole, diff)
		}
	}
}

// One wrong byte costs its record and what follows, never more and never less.
func TestParseFlippedByte(t *testing.T) {
	text, ends := encode(t, story()...)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(ends[0], len(text)-1).Draw(t, "byte")
		flip := byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		bad := bytes.Clone(text)
		bad[i] ^= flip
		whole := 0
		for ends[whole+1] <= i {
			whole++
		}
		s, _, err := parse(bad)
		if err != nil {
			t.Fatalf("parse: %v", err)
		}
		if s.Damage == nil || s.Damage.Offset != int64(ends[whole]) {
			t.Fatalf("byte %d: got damage %v, want it at %d", i, s.Damage, ends[whole])
		}
		s.Damage = nil
		if diff := equalStates(fold(story()[:whole]...), s); diff != "" {
			t.Fatalf("byte %d (-want +got):\n%s", i, diff)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	future := append(fileHeader(), frame([]byte(`{"node_paused":{"address":"a"}}`))...)
	other := append(fileHeader(), frame([]byte(`{"node_start":{"address":7}}`))...)
	tests := map[string]struct {
		text string
		want error
	}{
		"empty":              {"", errNoJournal},
		"other file":         {"#!/bin/sh\n", errNoJournal},
		"no line end":        {"clusterflow journal 1", errNoJournal},
		"no number":          {"clusterflow journal one\n", errNoJournal},
		"version zero":       {"clusterflow journal 0\n", errNoJournal},
		"newer version":      {"clusterflow journal 2\nwhatever", ErrVersion},
		"long first line":    {strings.Repeat("x", 1000), errNoJournal},
		"new kind of record": {string(future), ErrVersion},
		"changed record":     {string(other), ErrVersion},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := parse([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("parse: got error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestParseImpossibleLengths(t *testing.T) {
	for name, tail := range map[string][]byte{
		"zeros": make([]byte, 4096),
		"ones":  bytes.Repeat([]byte{0xff}, 4096),
	} {
		t.Run(name, func(t *testing.T) {
			s, _, err := parse(append(fileHeader(), tail...))
			if err != nil || s.Damage == nil || s.Damage.Torn {
				t.Errorf("parse: got %v, %v, want damage that is more than torn", s, err)
			}
		})
	}
}

func TestAppendFrameRefusesHugeRecords(t *testing.T) {
	buf := []byte("before")
	got, err := appendFrame(buf, Checkpoint{Address: "a", Private: make([]byte, maxPayload)})
	if err == nil || string(got) != "before" {
		t.Errorf("append: got %d bytes, error %v, want an error and the buffer as it was", len(got), err)
	}
	got, err = appendFrame(buf, NodeEnd{Outputs: []byte("{no json")})
	if err == nil || string(got) != "before" {
		t.Errorf("append: got %q, error %v, want an error and the buffer as it was", got, err)
	}
}

func TestDamageString(t *testing.T) {
	d := Damage{Offset: 10, Bytes: 3, Kept: "/s/journal.cut.1"}
	want := "damaged record at byte 10 of the journal, 3 bytes ignored, kept in /s/journal.cut.1"
	if got := d.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// frame puts a right sum before any payload.
func frame(payload []byte) []byte {
	head := []byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), byte(len(payload) >> 24)}
	sum := frameSum(head, payload)
	return append(append(head, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)), payload...)
}

// FuzzParse: whatever the file, parse does not panic, and what it accepts is
// the same after being written again.
func FuzzParse(f *testing.F) {
	text, ends := encode(f, story()...)
	f.Add(text)
	f.Add(text[:ends[3]+5])
	f.Add([]byte("clusterflow journal 2\n"))
	f.Add(append(fileHeader(), frame([]byte(`{"node":{"address":"a","type":"x"}}`))...))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, records, err := parse(text)
		if err != nil {
			return
		}
		good := len(text)
		if s.Damage != nil {
			good = int(s.Damage.Offset)
		}
		s.Damage = nil
		again, n, err := parse(text[:good])
		if err != nil || n != records || again.Damage != nil {
			t.Fatalf("parse the good part: got %d records, damage %v, %v, want %d", n, again.Damage, err, records)
		}
		if diff := equalStates(s, again); diff != "" {
			t.Fatalf("the good part alone (-all +alone):\n%s", diff)
		}
	})
}

// FuzzFrame: a frame is accepted only with the right sum.
func FuzzFrame(f *testing.F) {
	text, ends := encode(f, story()...)
	f.Add(text[ends[0]:])
	f.Fuzz(func(t *testing.T, text []byte) {
		payload, _ := nextFrame(text)
		if payload != nil && !bytes.Equal(frame(payload), text[:frameHead+len(payload)]) {
			t.Fatalf("accepted a bad frame: %q", text)
		}
	})
}
