package sdk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Op is what a change does.
type Op string

// The operations. OpRun is an action that leaves nothing to compare, such as a
// command, a check or a wait.
const (
	OpNone   Op = ""
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
	OpRun    Op = "run"
)

// Symbol is the one-character form used in plans: + ~ - > or a space.
func (o Op) Symbol() string {
	switch o {
	case OpCreate:
		return "+"
	case OpUpdate:
		return "~"
	case OpDelete:
		return "-"
	case OpRun:
		return ">"
	default:
		return " "
	}
}

// Change is one thing that Apply or Undo would do. It is shown to people and
// stored, so it must hold no secret: give a digest or nothing.
type Change struct {
	Op Op `json:"op"`
	// Kind and Target name the thing: "file" "/etc/kubernetes/admin.conf".
	Kind   string `json:"kind"`
	Target string `json:"target"`
	// Reason says why in a few words: "absent", "mode 0644, want 0600".
	Reason string `json:"reason,omitempty"`
	// Diff is a unified diff, where there is text to compare.
	Diff string `json:"diff,omitempty"`
	// Disruptive changes interrupt something that runs.
	Disruptive bool `json:"disruptive,omitempty"`
}

// noChanges is the fingerprint of an empty plan, the most frequent one.
const noChanges = "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"

// Fingerprint identifies what the plan saw and would do: equal fingerprints mean
// equal changes.
func (p Plan) Fingerprint() string {
	if len(p.Changes) == 0 {
		return noChanges
	}
	text, err := json.Marshal(p.Changes)
	if err != nil { // strings and booleans always marshal
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
