package expand

import (
	"os"
	"path"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/lang"
	"github.com/clusterflow/clusterflow/sdk"
)

// world is everything that does not depend on outcomes. It is filled by Expand
// and only read afterwards.
type world struct {
	pipeline  *config.Pipeline
	schemas   Schemas
	types     map[string]typeResult
	root      *module
	rootVars  map[string]cty.Value
	functions map[string]function.Function
	paths     map[string]cty.Value // path.root and path.cwd
	exprs     map[hclsyntax.Expression]*lang.Expr
	objects   map[*hclsyntax.ObjectConsExpr]map[string]*lang.Expr
	turns     map[turnKey]*scope
	onlyKey   []string // of blocks without for_each
	// values and vars hold what depends on no outcome.
	values map[valueKey]result
	vars   map[varKey]result
}

type typeResult struct {
	desc *sdk.TypeDescription
	err  error
}

// module is one instance of a module: the root, or what a module block makes for
// one key of its for_each.
type module struct {
	decl    *config.Module
	call    *config.Call                      // nil for the root
	parent  *module                           // nil for the root
	address string                            // empty for the root
	scope   *scope                            // of what stands in the module
	caller  *scope                            // of the module block
	phases  map[*config.Phase]*family[*phase] // by phase and finally block
	calls   map[string]*family[*module]
	// undoing is the module with direction = "undo" that this one is or is in, if
	// there is one.
	undoing *module
}

// phase is one instance of a phase block.
type phase struct {
	decl    *config.Phase
	module  *module
	address string
	scope   *scope
	schema  *sdk.TypeDescription
	// read says that another phase needs this one, or an output mentions it.
	read bool
}

// scope is where an expression stands.
type scope struct {
	module *module
	each   *each  // nil outside of for_each
	self   *phase // in postconditions
	turn   *turn  // inside of a for expression
}

// turn is one turn of a for expression: what its variables mean.
type turn struct {
	keyVar, valVar string
	key            string
	over           *lang.Expr // to be evaluated in outer
	outer          *scope
}

// turnKey identifies a turn. The same turn must be the same scope, as values are
// remembered by scope.
type turnKey struct {
	outer *scope
	loop  *hclsyntax.ForExpr
	key   string
}

// each is what each.key and each.value mean.
type each struct {
	key string
	// over is the for_each expression, to be evaluated in outer.
	over  *lang.Expr
	outer *scope
	// flat says that for_each is a set or list, whose values are their keys.
	flat bool
}

// family holds the instances that one block makes.
type family[T any] struct {
	repeated bool // the block has for_each
	state    familyState
	keys     []string
	byKey    map[string]T
	only     T // in place of byKey, if it is not repeated
}

// get returns the instance with a key that is known to be there.
func (f *family[T]) get(key string) T {
	if f.repeated {
		return f.byKey[key]
	}
	return f.only
}

type familyState int

const (
	unexpanded familyState = iota
	expanding
	expanded
)

func newWorld(p *config.Pipeline, schemas Schemas) *world {
	w := &world{
		pipeline: p, schemas: schemas, types: map[string]typeResult{}, rootVars: map[string]cty.Value{},
		exprs: map[hclsyntax.Expression]*lang.Expr{}, objects: map[*hclsyntax.ObjectConsExpr]map[string]*lang.Expr{},
		turns: map[turnKey]*scope{}, onlyKey: []string{""}, values: map[valueKey]result{}, vars: map[varKey]result{},
	}
	w.functions = lang.Functions(w.readFile)
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "."
	}
	w.paths = map[string]cty.Value{"root": cty.StringVal(path.Dir(p.Path)), "cwd": cty.StringVal(cwd)}
	w.root = newModule(p.Root, nil, nil)
	return w
}

// readFile reads for the functions of the language: from where the pipeline is,
// so that one inside of the binary brings its files along.
func (w *world) readFile(name string) ([]byte, error) {
	if path.IsAbs(name) {
		return config.ReadFile(config.OS{}, name)
	}
	return config.ReadFile(w.pipeline.FS, path.Clean(name))
}

func newModule(decl *config.Module, call *config.Call, caller *scope) *module {
	m := &module{
		decl: decl, call: call, caller: caller,
		phases: map[*config.Phase]*family[*phase]{}, calls: map[string]*family[*module]{},
	}
	m.scope = &scope{module: m}
	for _, p := range decl.Steps() {
		m.phases[p] = &family[*phase]{repeated: p.ForEach != nil}
	}
	for name, c := range decl.Calls {
		m.calls[name] = &family[*module]{repeated: c.ForEach != nil}
	}
	if call != nil {
		m.parent = caller.module
		m.address = join(m.parent.address, "module."+call.Name)
		if caller.each != nil {
			m.address += bracket(caller.each.key)
		}
		if m.undoing = m.parent.undoing; m.undoing == nil && call.Undo {
			m.undoing = m
		}
	}
	return m
}

func newPhase(decl *config.Phase, sc *scope) *phase {
	p := &phase{decl: decl, module: sc.module, scope: sc, address: join(sc.module.address, decl.Ref())}
	if sc.each != nil {
		p.address += bracket(sc.each.key)
	}
	return p
}

func join(module, name string) string {
	if module == "" {
		return name
	}
	return module + "." + name
}

func bracket(key string) string { return "[" + strconv.Quote(key) + "]" }

// schema returns the description of a phase's type. It is asked for once.
func (w *world) schema(decl *config.Phase) (*sdk.TypeDescription, error) {
	name := decl.Plugin + "." + decl.Type
	r, ok := w.types[name]
	if !ok {
		var desc sdk.TypeDescription
		desc, r.err = w.schemas.Type(decl.Plugin, decl.Type)
		r.desc = &desc
		w.types[name] = r
	}
	return r.desc, r.err
}

// expr returns the analysed form of an expression inside of another one.
func (s *session) expr(e hclsyntax.Expression) *lang.Expr {
	if known, ok := s.exprs[e]; ok {
		return known
	}
	fresh := lang.NewExpr(e)
	if s.building {
		s.exprs[e] = fresh
	}
	return fresh
}

// freeze keeps those results of Expand that no outcome can change.
func (w *world) freeze(s *session) {
	for k, r := range s.values {
		if r.pure && !r.diags.HasErrors() {
			w.values[k] = r
		}
	}
	for k, r := range s.vars {
		if r.pure && !r.diags.HasErrors() {
			w.vars[k] = r
		}
	}
}

// text returns the source of a range.
func (w *world) text(at hcl.Range) string {
	file := w.pipeline.Files[at.Filename]
	if file == nil || !at.CanSliceBytes(file.Bytes) {
		return ""
	}
	return string(at.SliceBytes(file.Bytes))
}
