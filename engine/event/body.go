package event

// Operation is what a run does with its nodes.
type Operation string

// The operations.
const (
	OperationApply Operation = "apply"
	OperationUndo  Operation = "undo"
)

// RunStarted is the first event of a run.
type RunStarted struct {
	Operation Operation `json:"operation"`
	// Pipeline is the path of the pipeline as the user gave it.
	Pipeline string `json:"pipeline"`
	// Engine is the version of clusterflow.
	Engine string `json:"engine"`
	// Nodes is how many nodes the run will decide.
	Nodes int `json:"nodes"`
	// Slots is how many nodes may run at once. Zero means no limit.
	Slots int `json:"slots,omitempty"`
	// Resumes is the id of the unfinished run that this one goes on with.
	Resumes string `json:"resumes,omitempty"`
}

// NodePlanned tells what a node would change. It comes before the node starts.
type NodePlanned struct {
	Node string `json:"node"`
	Type string `json:"type"`
	// Reason says in a few words why the node must run or need not.
	Reason string `json:"reason,omitempty"`
	// Changes is empty when the host is as wanted.
	Changes []Change `json:"changes,omitempty"`
	// Inputs are those that differ from the last success.
	Inputs []InputChange `json:"inputs,omitempty"`
}

// NodeReady says that all dependencies of a node are satisfied.
type NodeReady struct {
	Node string `json:"node"`
}

// NodeWaiting says that a ready node waits for a free slot of a pool.
type NodeWaiting struct {
	Node string `json:"node"`
	Pool string `json:"pool"`
}

// NodeStarted says that the plugin of a node was called.
type NodeStarted struct {
	Node string `json:"node"`
	// Type is the phase type, "pki.ca".
	Type string `json:"type"`
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
}

// NodeRetrying says that an attempt failed and another one follows.
type NodeRetrying struct {
	Node string `json:"node"`
	// Attempt is the one that failed, from 1.
	Attempt int `json:"attempt"`
	// Attempts is how many there may be. Zero means no limit.
	Attempts int `json:"attempts,omitempty"`
	// Reason is the error of the failed attempt.
	Reason string `json:"reason"`
	// Delay is how long until the next attempt.
	Delay Duration `json:"delay_seconds"`
}

// NodeLog is a line that a node wrote for people.
type NodeLog struct {
	Node    string            `json:"node"`
	Level   Level             `json:"level"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"`
	// Stream is "stdout" or "stderr" when the line came from a child process.
	Stream string `json:"stream,omitempty"`
}

// NodeProgress is a step of something long. The last one for an ID has Done set.
type NodeProgress struct {
	Node    string `json:"node"`
	ID      string `json:"id"`
	Label   string `json:"label,omitempty"`
	Current int64  `json:"current,omitempty"`
	// Total is zero when it is not known.
	Total int64 `json:"total,omitempty"`
	// Unit is "bytes", "files", … Empty means steps.
	Unit string `json:"unit,omitempty"`
	Done bool   `json:"done,omitempty"`
}

// ChangeDone says that one planned change was made.
type ChangeDone struct {
	Node   string `json:"node"`
	Change Change `json:"change"`
}

// Checkpoint says that a running node replaced its private record.
type Checkpoint struct {
	Node string `json:"node"`
	// Private is opaque to everybody but the plugin; base64 in JSON.
	Private []byte `json:"private,omitempty"`
}

// NodeEnded is the last event of a node; each node of a run gets exactly one.
type NodeEnded struct {
	Node string `json:"node"`
	Type string `json:"type,omitempty"`
	// Status is a terminal one.
	Status Status `json:"status"`
	// Attempt is the last attempt, from 1. Zero means that the node never ran.
	Attempt int `json:"attempt,omitempty"`
	// Changes is how many changes were made.
	Changes int `json:"changes,omitempty"`
	// Duration is from the start of the first attempt to the end of the last one,
	// pauses between attempts included.
	Duration Duration `json:"seconds,omitempty"`
	// Reason says in a few words why a node was skipped or unchanged.
	Reason string `json:"reason,omitempty"`
	// Cause is the node whose failure blocked this one.
	Cause string `json:"cause,omitempty"`
	// Problem is set when the status is failed, unknown or cancelled.
	Problem *Problem `json:"problem,omitempty"`
	// Continued says that the run goes on as if the failed node had succeeded.
	Continued bool `json:"continued,omitempty"`
	// Leftovers are the things that an undo could not remove.
	Leftovers []string `json:"leftovers,omitempty"`
}

// RunStopping says that no new nodes start. Those that run are waited for.
type RunStopping struct {
	// Reason is "interrupted", "a node failed", "disk full", …
	Reason string `json:"reason"`
	// Running are the nodes that are waited for.
	Running []string `json:"running,omitempty"`
}

// RunEnded is the last event of a run.
type RunEnded struct {
	Status RunStatus `json:"status"`
	// Counts is how many nodes ended with each status.
	Counts   map[Status]int `json:"counts"`
	Duration Duration       `json:"seconds"`
	// Problem is set when something other than a node made the run fail.
	Problem *Problem `json:"problem,omitempty"`
}
