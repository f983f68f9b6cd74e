// Package config turns HCL text into a [Pipeline]: a tree of modules with their
// blocks, in which every expression is kept as it was written and every part
// knows its place in the source.
//
// It checks what can be checked from the text alone: the shape of blocks, names
// that are declared twice or nowhere, modules that include themselves. It
// evaluates nothing but constants, and it does not know which arguments a phase
// type takes; for both see package expand.
package config

import (
	"io/fs"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/lang"
)

// Pipeline is a root file with all modules that it reaches.
type Pipeline struct {
	// Path is the root file, as it was given to [Load].
	Path string
	// State is the name that runs are recorded under: that of the file without its
	// extension, unless the root file gives another, to share the records of a host
	// with other pipelines.
	State string
	// Shares says that the root file gives the name.
	Shares bool
	// Forget drops all that is recorded, also of phases that the pipeline does not
	// have, once all of it succeeded.
	Forget bool
	// Root is the module that the root file makes.
	Root *Module
	// Modules are all modules, the root first, then by directory. A directory that
	// is used twice is one module.
	Modules []*Module
	// Files are the sources by file name, for diagnostics.
	Files map[string]*hcl.File
	// FS is where the sources came from.
	FS fs.FS
}

// Module is one set of declarations: the root file, or all *.hcl files of a
// directory, with the files that they include. Names are unique for each kind of
// block.
type Module struct {
	// Dir holds the module's files. Those that it includes may be further down.
	Dir       string
	Plugins   map[string]*Plugin
	Variables map[string]*Variable
	Locals    map[string]*Local
	Outputs   map[string]*Output
	Pools     map[string]*Pool
	Phases    map[string]*Phase
	Finally   map[string]*Phase
	Calls     map[string]*Call
}

// Steps lists the phase blocks and after them the finally blocks, each in the
// order of their names.
func (m *Module) Steps() []*Phase {
	list := make([]*Phase, 0, len(m.Phases)+len(m.Finally))
	for _, group := range []map[string]*Phase{m.Phases, m.Finally} {
		for _, name := range sortedKeys(group) {
			list = append(list, group[name])
		}
	}
	return list
}

// Step returns what a reference that starts with root.name means: a phase block or
// a finally block. It is nil if there is none, or root is another one.
func (m *Module) Step(root, name string) *Phase {
	switch root {
	case "phase":
		return m.Phases[name]
	case "finally":
		return m.Finally[name]
	default:
		return nil
	}
}

// Plugin says where the binary of a plugin is. Only the root has such blocks.
type Plugin struct {
	Name string
	// Source is the path of the binary, relative to the working directory.
	Source      string
	SourceRange hcl.Range
	// SHA256 is its digest in lower-case hex, or "".
	SHA256   string
	DefRange hcl.Range
}

// Variable is an input of a module.
type Variable struct {
	Name string
	// Type may hold optional attributes. It is cty.DynamicPseudoType for any.
	Type     cty.Type
	Defaults *typeexpr.Defaults
	// Default has the type of the variable; cty.NilVal means that a value must be
	// given.
	Default     cty.Value
	Description string
	Sensitive   bool
	// Ephemeral values are sensitive, and may differ from run to run.
	Ephemeral   bool
	Validations []Condition
	DefRange    hcl.Range
}

// Local is a named expression.
type Local struct {
	Name      string
	Value     *lang.Expr
	NameRange hcl.Range
}

// Output is what a module hands to whoever calls it.
type Output struct {
	Name        string
	Value       *lang.Expr
	Description string
	Sensitive   bool
	// Reveal asks to print a sensitive value when the run ended.
	Reveal   bool
	DefRange hcl.Range
}

// Pool limits how many phases that name it run at once.
type Pool struct {
	Name     string
	Slots    int
	DefRange hcl.Range
}

// Condition is a rule with the message that is shown when it does not hold.
type Condition struct {
	Condition, Message *lang.Expr
	DefRange           hcl.Range
}

// Argument is name = expression where the name is not known to the language.
type Argument struct {
	Name      string
	Value     *lang.Expr
	NameRange hcl.Range
}

// Arguments are arguments with different names, in the order of these. A pipeline
// may have thousands of them, and a map of one takes five times the memory.
type Arguments []Argument

// Get returns the argument of that name, or nil.
func (list Arguments) Get(name string) *Argument {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// Phase is a phase block or a finally block.
type Phase struct {
	Name string
	// Finally phases run when all others are done. Nothing but another one may
	// depend on one.
	Finally bool
	// Plugin and Type are the halves of the first label.
	Plugin, Type string
	*Settings
	// Config are the plugin's arguments.
	Config   Arguments
	typeAt   [4]int32 // of the first label: columns and bytes, on the line of the head
	DefRange hcl.Range
}

// Settings are what the language says about a phase. Most phases have none, and
// share one value; it is never nil. The expressions are nil where the argument is
// not set.
type Settings struct {
	ForEach, When, Timeout, OnError, Pool, Isolation *lang.Expr
	DependsOn                                        []lang.Reference
	Retry                                            *Retry
	Preconditions, Postconditions                    []Condition
}

// Ref is how the phase is referred to in its module: phase.NAME or finally.NAME.
func (p *Phase) Ref() string {
	if p.Finally {
		return "finally." + p.Name
	}
	return "phase." + p.Name
}

// TypeRange is the first label.
func (p *Phase) TypeRange() hcl.Range {
	at := p.DefRange
	at.Start.Column, at.Start.Byte = int(p.typeAt[0]), int(p.typeAt[1])
	at.End.Column, at.End.Byte = int(p.typeAt[2]), int(p.typeAt[3])
	return at
}

func (p *Phase) setTypeRange(r hcl.Range) {
	p.typeAt = [4]int32{int32(r.Start.Column), int32(r.Start.Byte), int32(r.End.Column), int32(r.End.Byte)}
}

// Retry is a retry block.
type Retry struct {
	Attempts, Backoff *lang.Expr // nil where not set
	DefRange          hcl.Range
}

// Call is a module block.
type Call struct {
	Name string
	// Source is as written, relative to the file that the block stands in. Module is
	// what it leads to; it is never nil in a pipeline that loaded without errors.
	Source        string
	SourceRange   hcl.Range
	Module        *Module
	ForEach, When *lang.Expr
	DependsOn     []lang.Reference
	// Undo asks to remove what the module makes.
	Undo     bool
	Inputs   Arguments
	DefRange hcl.Range
}
