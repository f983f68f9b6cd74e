package resource

import (
	"context"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// Phase declares a phase type made of resources. C and O are structs with cf
// tags (see [sdk.AttributesOf]): the config and the outputs.
type Phase[C, O any] struct {
	Name, Doc, Example string
	Version            int64
	CancelGrace        time.Duration
	Pools              []string
	Access             []sdk.Access

	// Kinds are the plugin's own kinds of resource that Build may return. The
	// kinds of this package are always known.
	Kinds []Kind
	// Parallel renders all resources at once instead of in order.
	Parallel bool
	// OnlyRecorded says that undo without a record removes nothing: what the phase
	// makes looks like what others put there.
	OnlyRecorded bool
	// Validate checks what types and enums cannot. It does no I/O. Optional; it is
	// called only when the whole config is known.
	Validate func(c C) error
	// Build turns a config into resources. It may read the host, never write. It is
	// called anew for every Plan and Apply, and for an Undo without a record.
	// Required.
	Build func(ctx context.Context, in Input[C]) (Work[O], error)
}

// Input is what a Build function gets.
type Input[C any] struct {
	Config C
	// Record is what the phase made before, empty on its first run.
	Record Record
	// Unchanged says that the inputs equal those of the last success, so an action
	// that succeeded once need not be repeated.
	Unchanged bool
	// WorkDir makes relative paths absolute.
	WorkDir string
}

// Work is what one configured phase wants.
type Work[O any] struct {
	// Resources in the order in which they are made; undone in reverse.
	Resources []Resource
	// Known returns the outputs that follow from config alone. Late fields are
	// ignored. Nil means that no output is known before Apply.
	Known func() O
	// Outputs returns all outputs, when every resource is as wanted. Nil means
	// that Known tells all.
	Outputs func(ctx context.Context) (O, error)
}
