package expand

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/graph"
	"github.com/clusterflow/clusterflow/sdk"
)

// EdgeKind says what a phase wants of another one.
type EdgeKind = graph.Kind

// The kinds of edges.
const (
	// Data edges come from a reference to outputs: the other phase must succeed or
	// be skipped, in which case its outputs are null.
	Data = graph.Data
	// Order edges come from depends_on: success or skip.
	Order = graph.Order
	// Status edges come from phase.x.status and phase.x.error: any end will do.
	Status = graph.Status
)

// Edge says that a node needs another one.
type Edge struct {
	To   string // address
	Kind EdgeKind
	// Ref is the mention as it is written where Range is, such as local.leaf.ca. It
	// may lead to the other phase through locals and modules.
	Ref   string
	Range hcl.Range
}

// OnError says what a failure of a phase means for the run.
type OnError string

// The values of on_error.
const (
	Fail     OnError = "fail"
	Continue OnError = "continue"
)

// Isolation says which process a phase runs in.
type Isolation string

// The values of isolation.
const (
	Shared          Isolation = ""        // one process for all phases of the plugin
	ProcessOfItsOwn Isolation = "process" // a process of its own
)

// Retry says how often a phase is tried, and how long to wait in between. The
// wait starts at Min and doubles up to Max.
type Retry struct {
	Attempts int
	Min, Max time.Duration
}

// Node is one phase: an instance if its block, or a module around it, has
// for_each. All methods are safe for concurrent use.
type Node struct {
	// Address is the full name, such as module.certs.phase.leaf["apiserver"].
	Address string
	// Modules are the addresses of the modules around it, outermost first.
	Modules []string
	// Plugin and Type are the halves of the block's first label.
	Plugin, Type string
	Schema       *sdk.TypeDescription // shared by all nodes of the type
	// Edges lead to what the node needs, by address; one edge for each node, of the
	// strictest kind.
	Edges []Edge
	// Pools are those of the block and those of the type, sorted.
	Pools []string
	// Timeout bounds one attempt. Zero means that there is no limit.
	Timeout   time.Duration
	Retry     *Retry // nil means one attempt
	OnError   OnError
	Isolation Isolation
	// Finally nodes run when all others have ended, if the run changed anything. All
	// their edges are of kind Status.
	Finally bool
	// Undo nodes are removed instead of made. Their edges lead to the phases of their
	// module that use them, and to what the module as a whole needs.
	Undo bool
	// Uses are, for an undo node, the phases of the undone module whose outputs its
	// config mentions, by address. They are undone after it.
	Uses []string

	phase *phase
	world *world
}

// DefRange is the head of the block.
func (n *Node) DefRange() hcl.Range { return n.phase.decl.DefRange }

// HasPostconditions reports whether there is anything to check when it has run.
func (n *Node) HasPostconditions() bool { return len(n.phase.decl.Postconditions) > 0 }

// Read reports whether anything looks at the outcome of the node: another node, or
// an output of the pipeline. The outputs of others need not be kept.
func (n *Node) Read() bool { return n.phase.read }

// StatusSkipped is the status of an outcome whose outputs are null.
const StatusSkipped = "skipped"

// The statuses of outcomes that have outputs.
const (
	statusSucceeded = "succeeded"
	statusUnchanged = "unchanged"
)

// Outcome is how a phase ended.
type Outcome struct {
	// Status is one of the words that phase.x.status can be compared with.
	Status string
	// Outputs is an object as in the type's schema. Attributes that are missing are
	// unknown. It is cty.NilVal when the phase was skipped or did not succeed: then
	// all of them are null.
	Outputs cty.Value
	// Error is what phase.x.error says, or "".
	Error string
}

// gone reports whether the phase ended without outputs.
func (o Outcome) gone() bool {
	return o.Status != "" && o.Status != statusSucceeded && o.Status != statusUnchanged
}

// Outcomes is what is known about phases. The outputs of a phase that has no
// outcome are unknown values of the types in the schema.
type Outcomes interface {
	Outcome(address string) (Outcome, bool)
}

// NoOutcomes is the state before anything ran.
type NoOutcomes struct{}

// Outcome implements [Outcomes].
func (NoOutcomes) Outcome(string) (Outcome, bool) { return Outcome{}, false }
