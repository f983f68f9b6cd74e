package event

// Status is where a node stands in a run.
type Status string

// The statuses. A node goes from pending to ready to running, with waiting and
// retrying between, and ends in one of the others. Blocked, skipped and
// cancelled nodes may never have run.
const (
	Pending  Status = "pending"  // a dependency is not satisfied yet
	Ready    Status = "ready"    // may start
	Waiting  Status = "waiting"  // ready, but its pool is full
	Running  Status = "running"  // its plugin works
	Retrying Status = "retrying" // an attempt failed, the next one follows

	Succeeded Status = "succeeded" // something was changed or run
	Unchanged Status = "unchanged" // all was as wanted
	Skipped   Status = "skipped"   // its condition is false
	Failed    Status = "failed"    // the plugin said so
	Blocked   Status = "blocked"   // a dependency did not succeed
	Cancelled Status = "cancelled" // stopped by the user or by another failure
	Unknown   Status = "unknown"   // started, but how it ended is not known
)

// Statuses returns all statuses in the order above.
func Statuses() []Status {
	return []Status{
		Pending, Ready, Waiting, Running, Retrying,
		Succeeded, Unchanged, Skipped, Failed, Blocked, Cancelled, Unknown,
	}
}

// Terminal reports whether a node with this status has ended.
func (s Status) Terminal() bool {
	switch s {
	case Succeeded, Unchanged, Skipped, Failed, Blocked, Cancelled, Unknown:
		return true
	case Pending, Ready, Waiting, Running, Retrying:
		return false
	default:
		return false
	}
}

// Good reports whether a node with this status is as its config wants it.
func (s Status) Good() bool { return s == Succeeded || s == Unchanged }

// RunStatus is how a whole run ended.
type RunStatus string

// The ways in which a run ends.
const (
	RunSucceeded   RunStatus = "succeeded"
	RunDegraded    RunStatus = "degraded"    // done, but a node failed that may, or an undo left things over
	RunFailed      RunStatus = "failed"      // a node failed
	RunInterrupted RunStatus = "interrupted" // stopped by the user
)

// Level is how important a log line is.
type Level string

// The levels, least important first.
const (
	LevelTrace Level = "trace"
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// AtLeast reports whether l is as important as min or more. A level that is not
// known counts as info.
func (l Level) AtLeast(least Level) bool { return l.rank() >= least.rank() }

func (l Level) rank() int {
	switch l {
	case LevelTrace:
		return 0
	case LevelDebug:
		return 1
	case LevelWarn:
		return 3
	case LevelError:
		return 4
	case LevelInfo:
		return 2
	default:
		return 2
	}
}

// Op is what a change does.
type Op string

// The operations of a change. OpRun is an action that leaves nothing to compare.
const (
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
	OpRun    Op = "run"
)

// Change is one thing that a node would do or did.
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

// InputChange is an input of a node that is not as it was.
type InputChange struct {
	Name string `json:"name"`
	// Before and After are JSON, or a word in brackets for what is not shown, such as
	// a sensitive value.
	Before string `json:"before"`
	After  string `json:"after"`
	// Source is where it is set, "init.hcl:9".
	Source string `json:"source,omitempty"`
}

// Problem is an error for people.
type Problem struct {
	// Message is `verb object: cause`; it may have several lines.
	Message string `json:"message"`
	// Hint says what to do. May be empty.
	Hint string `json:"hint,omitempty"`
	// Source is where in the config it arose, "init.hcl:14". May be empty.
	Source string `json:"source,omitempty"`
}
