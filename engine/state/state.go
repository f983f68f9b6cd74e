// Package state remembers what runs have done, so that a run can go on where an
// earlier one stopped and can be undone.
//
// A state directory holds one journal: a file to which a [Store] appends a
// [Record] for each step of a run, durably before the step is taken. A [State]
// is the fold of these records and nothing else; [State.Apply] is that fold, and
// pure. See [Store] for what a caller owes the journal.
//
// Records hold no secrets: callers remove sensitive values first, and plugins
// promise that their private records hold none.
//
// The package does not decide whether a node must run again, does not call
// plugins and does not write logs; it is no history either: compaction keeps the
// outcome, not the way to it.
package state

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// State is what is known after all records of a journal. The zero value is not
// usable, see [New]. It is not safe for concurrent use.
type State struct {
	// Run is the last run; its zero value means that there was none.
	Run Run
	// Nodes are all nodes that may have left something behind, by address.
	Nodes map[string]*Node
	// Damage is set when a part of the journal could not be read.
	Damage *Damage

	clock uint64 // the highest Order given so far
}

// Run sums up a run.
type Run struct {
	ID        string          `json:"id"`
	Operation event.Operation `json:"operation"`
	Pipeline  string          `json:"pipeline"`
	Engine    string          `json:"engine"`
	// Path is where the file of the pipeline is, absolute; empty for one that came
	// with clusterflow.
	Path    string    `json:"path,omitempty"`
	Started time.Time `json:"started"`
	// Ended is zero while the run goes on, or when it was killed.
	Ended  time.Time            `json:"ended,omitzero"`
	Status event.RunStatus      `json:"status,omitempty"`
	Counts map[event.Status]int `json:"counts,omitempty"`
}

// Interrupted reports whether the run began and did not come to its end.
func (r Run) Interrupted() bool { return r.ID != "" && r.Ended.IsZero() }

// Status is how the last attempt at a node went.
type Status string

// The statuses of a recorded node. A node that was undone is not recorded.
const (
	Applying  Status = "applying"  // Apply was about to be called; no end is recorded
	Undoing   Status = "undoing"   // Undo was about to be called; no end is recorded
	Succeeded Status = "succeeded" // as its config wants it
	Failed    Status = "failed"    // the last attempt, to apply or to undo, failed
	Cancelled Status = "cancelled" // the last attempt was stopped
	Unknown   Status = "unknown"   // the plugin died, or the run saw no end
	Leftovers Status = "leftovers" // undone, but some things remain
)

// Open reports whether an attempt began whose outcome is not known, so that the
// node must be looked at before anything else is done to it.
func (s Status) Open() bool { return s == Applying || s == Undoing || s == Unknown }

// Node is what is known of one node.
type Node struct {
	Address string `json:"address"`
	// Identity is that of the last attempt.
	Identity
	Status  Status `json:"status"`
	Run     string `json:"run"` // of the last attempt
	Attempt int    `json:"attempt,omitempty"`
	// Private is the newest record of the plugin. A record without one leaves the
	// older one in place, unless the node's type has changed.
	Private []byte `json:"private,omitempty"`
	// Success is the last one, also when later attempts failed. It is nil when
	// there was none, or when an undo has begun since.
	Success *Success       `json:"success,omitempty"`
	Problem *event.Problem `json:"problem,omitempty"` // of the last attempt
	// Leftovers are what an undo could not remove.
	Leftovers []string  `json:"leftovers,omitempty"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended,omitzero"` // zero while the status is open
	// Order counts starts and completions: undo goes from high to low.
	Order uint64 `json:"order"`
	// Took is how long the last successful Apply ran, for estimates.
	Took time.Duration `json:"took_ns,omitempty"`
}

// Identity is what was applied: with equal ones a node need not run again.
type Identity struct {
	Type        string `json:"type"`
	TypeVersion int64  `json:"type_version,omitempty"`
	Plugin      Plugin `json:"plugin"`
	// Inputs is the digest of all inputs, Attributes those of each one.
	Inputs     string  `json:"inputs,omitempty"`
	Attributes Digests `json:"attributes,omitempty"`
	// Config is the evaluated config without sensitive and long values, as JSON, to
	// be shown.
	Config json.RawMessage `json:"config,omitempty"`
	// Depends are the addresses of the nodes that must be undone after this one.
	Depends []string `json:"depends,omitempty"`
}

// Plugin is the program that did it.
type Plugin struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"` // sha256 of the binary, hexadecimal
}

// Success is the last time a node was as its config wants it.
type Success struct {
	Run  string    `json:"run"`
	Time time.Time `json:"time"`
	// Inputs and Attributes are the digests it succeeded with, see [Identity].
	Inputs     string          `json:"inputs,omitempty"`
	Attributes Digests         `json:"attributes,omitempty"`
	Config     json.RawMessage `json:"config,omitempty"`
	// Outputs are those that are not sensitive, as JSON.
	Outputs json.RawMessage `json:"outputs,omitempty"`
}

// New returns a state without records.
func New() *State { return &State{Nodes: make(map[string]*Node)} }

// Empty reports whether nothing is left that could be undone.
func (s *State) Empty() bool { return len(s.Nodes) == 0 }

// Addresses returns the addresses of all nodes, sorted.
func (s *State) Addresses() []string { return slices.Sorted(maps.Keys(s.Nodes)) }

// Success returns the last success of a node, or nil.
func (s *State) Success(address string) *Success {
	if n := s.Nodes[address]; n != nil {
		return n.Success
	}
	return nil
}

// newestFirst orders nodes by descending Order.
func newestFirst(a, b *Node) int {
	return cmp.Or(cmp.Compare(b.Order, a.Order), cmp.Compare(a.Address, b.Address))
}
