package graph

import "cmp"

// Note is what a drawing says of a node besides what it is, such as what a plan
// would do with it.
type Note struct {
	// Action is one word, for programs.
	Action string `json:"action"`
	Tone   Tone   `json:"-"`
	// Mark is one character in front of Text.
	Mark string `json:"-"`
	Text string `json:"text,omitempty"`
	// Counts says how many things of each kind there are to do.
	Counts map[string]int `json:"counts,omitempty"`
}

// Tone picks the colours of a node with a [Note].
type Tone string

// The tones. The zero value looks like a node without a note.
const (
	Quiet  Tone = "quiet" // nothing to do
	Add    Tone = "add"
	Change Tone = "change"
	Remove Tone = "remove"
	Act    Tone = "act"   // something runs
	Later  Tone = "later" // not known yet
)

// tones lists all tones in a fixed order.
func tones() []Tone { return []Tone{Quiet, Add, Change, Remove, Act, Later} }

// colours of a node: those of its area and of its border, on a light and on a
// dark page.
func (t Tone) colours() (fill, line, darkFill, darkLine string) {
	switch t {
	case Quiet:
		return "#f3f4f6", "#afb8c1", "#21262d", "#484f58"
	case Add:
		return "#dcf5e2", "#2da44e", "#12301c", "#3fb950"
	case Change:
		return "#fff4cc", "#bf8700", "#332900", "#d29922"
	case Remove:
		return "#ffe3e0", "#cf222e", "#3c1618", "#f85149"
	case Act:
		return "#ddf1ff", "#0969da", "#0e2a47", "#58a6ff"
	case Later:
		return "#f0e8ff", "#8250df", "#271c42", "#bc8cff"
	default:
		return "#ffffff", "#57606a", "#161b22", "#8b949e"
	}
}

// Annotate returns the graph with notes on its nodes and a title, for drawings. A
// note without an action is none.
func (g *Graph) Annotate(title string, note func(id string) Note) *Graph {
	out := *g
	out.title = title
	out.notes = make([]Note, len(g.nodes))
	for i, n := range g.nodes {
		out.notes[i] = note(n.ID)
	}
	return &out
}

// note returns the note on node i; its action is empty if there is none.
func (g *Graph) note(i int) Note {
	if g.notes == nil {
		return Note{}
	}
	return g.notes[i]
}

// line is the note as one line of text, empty if there is none.
func (n Note) line() string {
	if n.Action == "" {
		return ""
	}
	text := cmp.Or(n.Text, n.Action)
	if n.Mark != "" {
		text = n.Mark + " " + text
	}
	return text
}
