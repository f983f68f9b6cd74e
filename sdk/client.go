package sdk

import (
	"context"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Client is the engine's view of a plugin, equal in memory and over gRPC.
type Client interface {
	// Describe returns the plugin's schemas. It is pure and may be cached.
	Describe(ctx context.Context) (Description, error)
	// Configure is called once per process before any of the calls below.
	Configure(ctx context.Context, c Configuration) error
	Validate(ctx context.Context, typ string, config cty.Value) (Diagnostics, error)
	Plan(ctx context.Context, req PlanRequest) (Plan, error)
	// Apply runs until the phase ended. emit gets every event in order, from one
	// goroutine at a time. Failures of the phase are in the Result; an error means
	// that the outcome is unknown, as after a crash of the plugin.
	Apply(ctx context.Context, req ApplyRequest, emit func(Event)) (Result, error)
	Undo(ctx context.Context, req UndoRequest, emit func(Event)) (Result, error)
	// Cancel asks a running Apply or Undo to stop. It returns at once; known is
	// false if no such call runs.
	Cancel(ctx context.Context, id Ident, reason string) (known bool, err error)
	Upgrade(ctx context.Context, typ string, from int64, private []byte) ([]byte, error)
	CallFunction(ctx context.Context, name string, args []cty.Value) (cty.Value, error)
}

// Configuration is what a plugin process learns once.
type Configuration struct {
	EngineVersion string
}

// Description is a Spec without its code: what crosses the wire.
type Description struct {
	Name      string
	Version   string
	Doc       string
	Types     []TypeDescription
	Functions []Function // without Call
}

// TypeDescription is a [Type] without its code.
type TypeDescription struct {
	Name, Doc, Example string
	Version            int64
	Config, Outputs    []Attribute
	Repeatable         bool
	CancelGrace        time.Duration // never zero
	Pools              []string
	Access             []Access
}

// Reboots reports whether Apply boots the host anew.
func (t TypeDescription) Reboots() bool {
	return slices.ContainsFunc(t.Access, func(a Access) bool { return a.Kind == AccessReboot && a.Write })
}

// Type returns the phase type of that name.
func (d Description) Type(name string) (TypeDescription, bool) {
	for _, t := range d.Types {
		if t.Name == name {
			return t, true
		}
	}
	return TypeDescription{}, false
}

func (d Description) attributes(name string) (config, outputs []Attribute, ok bool) {
	t, ok := d.Type(name)
	return t.Config, t.Outputs, ok
}

// CancelledError is the cause of the context of a cancelled call.
type CancelledError struct{ Reason string }

func (e *CancelledError) Error() string { return "cancelled: " + e.Reason }
