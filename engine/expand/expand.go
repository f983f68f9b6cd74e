// Package expand turns a loaded pipeline, the values of its variables and the
// schemas of its plugins into a [Program]: the flat list of phases that could
// run, each with the exact phases it needs.
//
// Expressions are followed through locals, module inputs and module outputs to
// the phases behind them, so that phase.ca["ca"].cert waits for one instance and
// not for all. Values stay lazy: a phase's config is computed from the outcomes
// that are there when it is asked for, and holds unknown values for the rest.
//
// The package runs nothing, stores nothing and talks to no plugin. What to do
// about a phase that failed is the business of package run.
package expand

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/graph"
	"github.com/clusterflow/clusterflow/sdk"
)

// Schemas knows what phase types take and give. Expand asks once for each type.
type Schemas interface {
	// Type returns the description of a phase type. The error is shown at the label
	// of the phase; a [*NotFoundError] makes a suggestion.
	Type(plugin, typ string) (sdk.TypeDescription, error)
	// Function returns a function of a plugin, ready to be called. The error is shown
	// where it is called; a [*NotFoundError] makes a suggestion.
	Function(plugin, name string) (sdk.Function, error)
}

// NotFoundError says that there is no such plugin, or that the plugin has no such
// type or function.
type NotFoundError struct {
	Plugin string
	// Type or Function is what is missing; both are empty if it is the plugin.
	Type, Function string
	// Known are the plugins, or the plugin's types or functions, that there are.
	Known []string
}

// Error names what is missing.
func (e *NotFoundError) Error() string {
	switch {
	case e.Type != "":
		return fmt.Sprintf("plugin %q has no phase type %q", e.Plugin, e.Type)
	case e.Function != "":
		return fmt.Sprintf("plugin %q has no function %q", e.Plugin, e.Function)
	default:
		return fmt.Sprintf("there is no plugin %q", e.Plugin)
	}
}

// Program is an expanded pipeline. It never changes and is safe for concurrent
// use.
type Program struct {
	// Nodes are all phases, in the order of their addresses, which is that of Graph.
	// Those that will be skipped are among them.
	Nodes []*Node
	// Pools are the slots of every pool that a node uses.
	Pools map[string]int
	// Graph has the nodes' addresses as IDs, and one edge for each pair.
	Graph *graph.Graph
	// Files are the sources by name, for diagnostics.
	Files map[string]*hcl.File

	world *world
}

// Node returns the node with an address.
func (p *Program) Node(address string) (*Node, bool) {
	i, ok := p.Graph.Index(address)
	if !ok {
		return nil, false
	}
	return p.Nodes[i], true
}

// Expand makes a program of a pipeline that was loaded without errors. Everything
// that can be known without running a phase is checked. The program is nil if
// there are errors.
func Expand(p *config.Pipeline, vars map[string]VarInput, schemas Schemas) (*Program, hcl.Diagnostics) {
	w := newWorld(p, schemas)
	diags := append(w.checkDeclarations(), w.setVariables(p.Root, vars)...)
	if diags.HasErrors() {
		return nil, diag.Tidy(diags)
	}
	s := w.session(nil)
	s.building = true
	b := &builder{session: s, pools: newPools(), diags: diags}
	b.pools.declare(p)
	b.module(w.root)
	prog := b.program(p)
	if b.diags.HasErrors() {
		return nil, diag.Tidy(b.diags)
	}
	w.freeze(s)
	return prog, diag.Tidy(b.diags)
}

// schemaProblem is the diagnostic for a phase type or a function that is not to be
// had, where it is named.
func schemaProblem(at hcl.Range, err error) hcl.Diagnostics {
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		diags := diag.FromError(err)
		for _, d := range diags {
			d.Subject = at.Ptr()
		}
		return diags
	}
	switch {
	case missing.Type != "":
		return diag.Errorf(at, "Unknown phase type", "Plugin %q has no phase type %q.%s %s",
			missing.Plugin, missing.Type, diag.DidYouMean(missing.Type, missing.Known), diag.Names("types", missing.Known))
	case missing.Function != "":
		return diag.Errorf(at, "Unknown function", "Plugin %q has no function %q.%s %s",
			missing.Plugin, missing.Function, diag.DidYouMean(missing.Function, missing.Known), diag.Names("functions", missing.Known))
	}
	hint := diag.DidYouMean(missing.Plugin, missing.Known)
	if hint == "" {
		hint = fmt.Sprintf(" For one of your own write:\n\n  plugin %q {\n    source = \"./bin/clusterflow-plugin-%s\"\n  }", missing.Plugin, missing.Plugin)
	}
	return diag.Errorf(at, "Unknown plugin", "There is no plugin %q. %s%s",
		missing.Plugin, diag.Names("plugins", missing.Known), hint)
}
