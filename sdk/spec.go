package sdk

import (
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// DefaultCancelGrace is how long a cancelled phase may take to return when its
// type does not say.
const DefaultCancelGrace = 10 * time.Second

// ReservedNames are the arguments and blocks of a phase that belong to the
// pipeline language. A type whose config uses one of them is refused.
func ReservedNames() []string {
	return []string{
		"for_each", "when", "depends_on", "timeout", "on_error", "pool", "isolation",
		"retry", "precondition", "postcondition",
	}
}

// Spec declares a plugin.
type Spec struct {
	// Name is the first half of a phase type, "pki" in `phase "pki.ca" "ca"`.
	// Required; lower-case letters, digits and underscores.
	Name string
	// Version of the plugin, such as "1.4.0". Required.
	Version string
	// Doc says in a sentence or two what the plugin is for.
	Doc string
	// Types are the phase types the plugin offers. Required, at least one.
	Types []Type
	// Functions can be called from expressions as NAME::function(…). Optional.
	Functions []Function
}

// Type declares one phase type.
type Type struct {
	// Name is the second half of a phase type, "ca" in `phase "pki.ca" "ca"`. Required.
	Name string
	// Doc says what the phase does. Required.
	Doc string
	// Example is a complete phase block in HCL. Required, shown by the CLI.
	Example string
	// Version counts changes of behaviour or of the private record. A phase that
	// succeeded under a lower version is upgraded through Upgrade.
	Version int64
	// Config and Outputs are usually made by [AttributesOf].
	Config, Outputs []Attribute
	// Repeatable says that Apply may safely run again after it was interrupted
	// with unknown outcome. Types made of resources are repeatable.
	Repeatable bool
	// CancelGrace is how long a cancelled Apply or Undo may take to return before
	// the plugin is killed. Zero means [DefaultCancelGrace].
	CancelGrace time.Duration
	// Pools are the shared resources the type takes while it runs, such as "pull".
	Pools []string
	// Access lists what the type touches. It is shown in the docs and the plan.
	Access []Access
	// Handler does the work. Required.
	Handler Handler
	// Upgrade turns the private record of an older Version into a current one.
	// Nil means that old records are read as they are.
	Upgrade func(from int64, private []byte) ([]byte, error)
}

// Attribute is one argument of a phase or one of its outputs.
type Attribute struct {
	Name string
	Type cty.Type
	Doc  string
	// Required arguments must be set and not null. Config only.
	Required bool
	// Default stands in for an unset or null argument; cty.NilVal means none.
	Default cty.Value
	// Enum lists the only values a string argument may take; empty means any.
	Enum []string
	// Sensitive values never reach a plan, journal, log or event.
	Sensitive bool
	// Late outputs are known only after the phase was applied.
	Late bool
	// FileContent says that the value is a path whose content counts as input: a
	// changed file makes the phase run again.
	FileContent bool
}

// AccessKind says what sort of thing a phase type touches.
type AccessKind string

// The kinds of access.
const (
	AccessPath   AccessKind = "path"
	AccessExec   AccessKind = "exec"
	AccessNet    AccessKind = "net"
	AccessUnit   AccessKind = "unit"
	AccessSysctl AccessKind = "sysctl"
	AccessKube   AccessKind = "kube"
	// AccessReboot says that Apply boots the host anew. Such a phase runs alone, and
	// its run goes on after the boot; see [TypeDescription.Reboots].
	AccessReboot AccessKind = "reboot"
)

// Access is one thing a phase type touches.
type Access struct {
	Kind  AccessKind
	What  string // such as "config.dir", "tcp", "systemctl"
	Write bool
}

// Function can be called from expressions.
type Function struct {
	Name   string
	Doc    string
	Params []cty.Type
	Result cty.Type
	Call   func(args []cty.Value) (cty.Value, error)
}

// Type returns the phase type of that name.
func (s Spec) Type(name string) (Type, bool) {
	i := slices.IndexFunc(s.Types, func(t Type) bool { return t.Name == name })
	if i < 0 {
		return Type{}, false
	}
	return s.Types[i], true
}

func (s Spec) attributes(name string) (config, outputs []Attribute, ok bool) {
	t, ok := s.Type(name)
	return t.Config, t.Outputs, ok
}

// Grace is the type's CancelGrace, or the default.
func (t Type) Grace() time.Duration {
	if t.CancelGrace > 0 {
		return t.CancelGrace
	}
	return DefaultCancelGrace
}
