package resource

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Record is what a phase made, kept by the engine between runs and handed back
// to Plan and Undo.
type Record struct {
	Entries []Entry `json:"entries"`
	// Unchanged is [Input.Unchanged] as it was when the plan was made, so that
	// Apply does what was planned.
	Unchanged bool `json:"unchanged,omitempty"`
}

// Entry is one resource of a [Record].
type Entry struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`
	// Made is false for a thing that was there before the phase first ran. Undo
	// leaves such things alone.
	Made  bool            `json:"made"`
	State json.RawMessage `json:"state"`
}

// ParseRecord reads a private record; nil bytes give an empty one.
func ParseRecord(private []byte) (Record, error) {
	var r Record
	if len(private) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(private, &r); err != nil {
		return r, fmt.Errorf("read private record: %w", err)
	}
	return r, nil
}

// Find returns the entry of that kind and target.
func (r Record) Find(id ID) (Entry, bool) {
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Kind == id.Kind && e.Target == id.Target })
	if i < 0 {
		return Entry{}, false
	}
	return r.Entries[i], true
}

// OfKind returns the entries of one kind, in order.
func (r Record) OfKind(kind string) []Entry {
	var out []Entry
	for _, e := range r.Entries {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}
