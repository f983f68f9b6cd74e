package graph

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestDrawingsAreStable(t *testing.T) {
	all := func() string {
		g := layered(t, 6, 5).Annotate("plan", func(string) Note {
			return Note{Action: "apply", Tone: Add, Counts: map[string]int{"create": 1, "run": 2}}
		})
		var text strings.Builder
		for _, write := range []func(io.Writer, *Graph) error{WriteDOT, WriteMermaid, WriteJSON, WriteASCII, WriteSVG} {
			text.WriteString(drawn(t, write, g))
		}
		return text.String()
	}
	want := all()
	for range 100 {
		if all() != want {
			t.Fatal("equal graphs were drawn differently")
		}
	}
}

// TestDrawingsHoldAnyText draws ids with what is special in each format.
func TestDrawingsHoldAnyText(t *testing.T) {
	b := NewBuilder()
	ids := []string{`phase.a["x]"]`, `phase.a["y \"z\""]`, "phase.ü<&>'", "phase.\x00\x1b[31m", "phase.日本語", "phase.a\nb", "]]>"}
	for i, id := range ids {
		if err := b.AddNode(Node{ID: id, Detail: id, Groups: []string{"module " + id}}); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if err := b.AddEdge(id, ids[i-1], Reason{Kind: Data, Text: id}); err != nil {
				t.Fatal(err)
			}
		}
	}
	g, err := b.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	g = g.Annotate(strings.Join(ids, " "), func(id string) Note { return Note{Action: "apply", Text: id} })
	for dec := xml.NewDecoder(strings.NewReader(drawn(t, WriteSVG, g))); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the SVG is no XML: %v", err)
		}
	}
	if !json.Valid([]byte(drawn(t, WriteJSON, g))) {
		t.Error("the JSON is none")
	}
	lines := strings.Split(drawn(t, WriteASCII, g), "\n")
	for _, line := range lines {
		if strings.ContainsFunc(line, unicode.IsControl) || utf8.RuneCountInString(line) > asciiWidth && !strings.HasPrefix(line, "phase.a[") {
			t.Errorf("bad line %q", line)
		}
	}
	if got := len(lines); got != 2*len(ids)+5 { // headings, the legend, the title
		t.Errorf("got %d lines, want %d", got, 2*len(ids)+5)
	}
}
