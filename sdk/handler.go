package sdk

import (
	"context"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Handler is what one phase type can do. All methods must be safe for concurrent
// use: phases of one type run side by side in one process.
//
// Config and output values are objects with exactly the attributes of the
// type's schema, defaults applied, without cty marks. Except in Validate they
// are wholly known.
type Handler interface {
	// Validate checks a config that may still hold unknown values. It does no I/O.
	// Plan gets only configs in which it found no error.
	Validate(ctx context.Context, config cty.Value) Diagnostics
	// Plan reads the host and says what Apply would change. It never writes. It
	// may run before the phases it depends on were applied, so a missing file of
	// theirs is no error.
	Plan(ctx context.Context, req PlanRequest) (Plan, error)
	// Apply makes it so. It reports through ctx with [Emit] and zerolog, watches
	// ctx, and returns soon after ctx is done.
	Apply(ctx context.Context, req ApplyRequest) (Result, error)
	// Undo removes what the phase made: from its own private record when there is
	// one, else by observing the host. Absent things are no error.
	Undo(ctx context.Context, req UndoRequest) (Result, error)
}

// Ident names one call, for logs, tracing and Cancel.
type Ident struct {
	Run     string    // the run's id
	Node    string    // the phase's address, such as module.certs.phase.ca["etcd/ca"]
	Attempt int       // from 1
	Trace   string    // W3C traceparent, may be empty
	Until   time.Time // when the call is cancelled; zero means no limit
}

// PlanRequest asks what a phase would change.
type PlanRequest struct {
	ID     Ident
	Type   string
	Config cty.Value
	// Outputs and Private are those of the last success, or cty.NilVal and nil.
	// Private may also come from an attempt whose outcome is unknown. Sensitive
	// outputs are null here: they are never stored.
	Outputs cty.Value
	Private []byte
	// Unchanged says that the inputs equal those of the last success.
	Unchanged bool
	// Undo asks what Undo would remove instead.
	Undo bool
}

// Plan is what Apply would do.
type Plan struct {
	// Changes is empty when the host is as wanted; then Outputs must be complete,
	// for Apply is not called.
	Changes []Change
	// Outputs as far as they are known; unknown values elsewhere. cty.NilVal means
	// that nothing is known.
	Outputs cty.Value
	// Private is stored before Apply is called, so that an interrupted phase can
	// be undone. It must hold no secret.
	Private     []byte
	Diagnostics Diagnostics
}

// ApplyRequest asks to make the planned changes.
type ApplyRequest struct {
	ID      Ident
	Type    string
	Config  cty.Value
	Private []byte // from Plan
	// Fingerprint of the plan being applied, see [Plan.Fingerprint].
	Fingerprint string
}

// UndoRequest asks to remove what a phase made.
type UndoRequest struct {
	ID   Ident
	Type string
	// Config is cty.NilVal when the phase is undone from its record alone.
	Config  cty.Value
	Private []byte
}

// Status is how an Apply or Undo ended.
type Status int

// The ways to end. Failed and Cancelled are made from a handler's error.
const (
	StatusOK Status = iota + 1
	StatusFailed
	StatusCancelled
)

// String returns "ok", "failed" or "cancelled".
func (s Status) String() string {
	switch s {
	case StatusOK:
		return "ok"
	case StatusFailed:
		return "failed"
	case StatusCancelled:
		return "cancelled"
	default:
		return "invalid"
	}
}

// Result ends an Apply or Undo.
type Result struct {
	// Status is set by the SDK: OK unless the handler returned an error.
	Status  Status
	Outputs cty.Value
	// Private is the record that Plan and Undo get later. It must hold no secret.
	Private     []byte
	Diagnostics Diagnostics
}
