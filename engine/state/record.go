package state

import (
	"encoding/json"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Record is one entry of a journal: one of the structs of this package whose
// doc says so, by value. Once appended it must not be changed.
type Record interface{ seal(*envelope) }

// RunStart is a [Record]: a run begins.
type RunStart struct {
	Run
}

// NodeStart is a [Record]: Apply is about to be called. It must be durable
// before it is.
type NodeStart struct {
	Address string `json:"address"`
	Identity
	Attempt int `json:"attempt"`
	// Private is the plugin's record from Plan, so that the node can be undone
	// even if no end is recorded.
	Private []byte    `json:"private,omitempty"`
	Time    time.Time `json:"time"`
}

// Checkpoint is a [Record]: a running node replaces its private record.
type Checkpoint struct {
	Address string `json:"address"`
	Private []byte `json:"private"`
}

// NodeEnd is a [Record]: an attempt ended, in Apply or in Undo, except for an
// undo that worked, which is a [NodeUndone]. A node that was found to be as
// wanted, without Apply, has this record only, with an Identity.
type NodeEnd struct {
	Address string `json:"address"`
	// Status is succeeded, unchanged, failed, cancelled or unknown. A node that did
	// not run (skipped, blocked) needs no record; it changes nothing.
	Status event.Status `json:"status"`
	// Identity is required when no NodeStart precedes in this run, else nil.
	Identity *Identity `json:"identity,omitempty"`
	// Outputs are those that are not sensitive, as JSON. Used on success only.
	Outputs json.RawMessage `json:"outputs,omitempty"`
	Private []byte          `json:"private,omitempty"`
	Problem *event.Problem  `json:"problem,omitempty"`
	// Leftovers are what a failed undo could not remove.
	Leftovers []string  `json:"leftovers,omitempty"`
	Time      time.Time `json:"time"`
	// Took is how long the attempt ran. Zero when Apply was not called.
	Took time.Duration `json:"took_ns,omitempty"`
}

// UndoStart is a [Record]: Undo is about to be called. It must be durable before
// it is. From here on the earlier success of the node counts no more.
type UndoStart struct {
	Address string    `json:"address"`
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
}

// NodeUndone is a [Record]: Undo worked. Without leftovers the node is forgotten.
type NodeUndone struct {
	Address   string    `json:"address"`
	Leftovers []string  `json:"leftovers,omitempty"`
	Private   []byte    `json:"private,omitempty"`
	Time      time.Time `json:"time"`
}

// RunEnd is a [Record]: the run came to its end.
type RunEnd struct {
	Status event.RunStatus      `json:"status"`
	Counts map[event.Status]int `json:"counts,omitempty"`
	Time   time.Time            `json:"time"`
}

// snapshot begins a compacted journal, kept follows once per node.
type snapshot struct {
	Run   Run    `json:"run"`
	Clock uint64 `json:"clock"`
}

type kept struct{ Node }

// envelope is the JSON form of a record: exactly one field is set.
type envelope struct {
	RunStart   *RunStart   `json:"run_start,omitempty"`
	NodeStart  *NodeStart  `json:"node_start,omitempty"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	NodeEnd    *NodeEnd    `json:"node_end,omitempty"`
	UndoStart  *UndoStart  `json:"undo_start,omitempty"`
	NodeUndone *NodeUndone `json:"node_undone,omitempty"`
	RunEnd     *RunEnd     `json:"run_end,omitempty"`
	Snapshot   *snapshot   `json:"snapshot,omitempty"`
	Kept       *kept       `json:"node,omitempty"`
}

func (r RunStart) seal(e *envelope)   { e.RunStart = &r }
func (r NodeStart) seal(e *envelope)  { e.NodeStart = &r }
func (r Checkpoint) seal(e *envelope) { e.Checkpoint = &r }
func (r NodeEnd) seal(e *envelope)    { e.NodeEnd = &r }
func (r UndoStart) seal(e *envelope)  { e.UndoStart = &r }
func (r NodeUndone) seal(e *envelope) { e.NodeUndone = &r }
func (r RunEnd) seal(e *envelope)     { e.RunEnd = &r }
func (r snapshot) seal(e *envelope)   { e.Snapshot = &r }
func (r kept) seal(e *envelope)       { e.Kept = &r }

// open returns the record in the envelope, or nil when this version knows none.
func (e *envelope) open() Record {
	switch {
	case e.NodeStart != nil:
		return *e.NodeStart
	case e.NodeEnd != nil:
		return *e.NodeEnd
	case e.Checkpoint != nil:
		return *e.Checkpoint
	case e.UndoStart != nil:
		return *e.UndoStart
	case e.NodeUndone != nil:
		return *e.NodeUndone
	default:
		return e.openRare()
	}
}

func (e *envelope) openRare() Record {
	switch {
	case e.Kept != nil:
		return *e.Kept
	case e.RunStart != nil:
		return *e.RunStart
	case e.RunEnd != nil:
		return *e.RunEnd
	case e.Snapshot != nil:
		return *e.Snapshot
	default:
		return nil
	}
}
