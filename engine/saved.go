package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/planfile"
	"github.com/clusterflow/clusterflow/engine/state"
)

// given is what a pipeline was loaded with.
type given struct {
	builtIn  bool
	sources  map[string]string // digests
	vars     map[string]expand.VarInput
	declared map[string]*config.Variable
}

// PlanTo is [Pipeline.Plan] that also keeps the plan in a file. It takes the state
// for that, and makes it if there is none: the file is sealed with its key.
func (p *Pipeline) PlanTo(ctx context.Context, path string) (planned *plan.Plan, err error) {
	planner, err := p.planner(nil)
	if err != nil {
		return nil, err
	}
	file, err := p.planFile()
	if err != nil {
		return nil, err
	}
	store, err := p.open("plan")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = leave(store, err)
			return
		}
		err = store.Close()
	}()
	if planner.Key, err = ensureKey(p.StateDir()); err != nil {
		return nil, err
	}
	if planned, err = planner.Build(ctx, store.State()); err != nil {
		return planned, err
	}
	file.Run, file.Steps = store.State().Run.ID, planfile.Steps(planned)
	return planned, planfile.Write(path, file, planner.Key)
}

// planFile is what is known before there is a plan.
func (p *Pipeline) planFile() (*planfile.File, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("write plan file: %w", err)
	}
	f := &planfile.File{
		Made: time.Now().UTC(), Engine: p.engine.opts.Version, Pipeline: p.Path, BuiltIn: p.given.builtIn, WorkDir: dir,
		Sources: p.given.sources, Plugins: p.pluginDigests(), Variables: map[string]planfile.Variable{},
		Targets: p.wanted.Targets, Excludes: p.wanted.Excludes,
	}
	for _, name := range slices.Sorted(maps.Keys(p.given.vars)) {
		in, decl := p.given.vars[name], p.given.declared[name]
		switch {
		case decl == nil: // a shared value that is meant for other pipelines
		case decl.Sensitive || decl.Ephemeral:
			f.Withheld = append(f.Withheld, name)
		default:
			if f.Variables[name], err = keepVariable(in); err != nil {
				return nil, fmt.Errorf("write plan file: variable %q: %w", name, err)
			}
		}
	}
	return f, nil
}

func keepVariable(in expand.VarInput) (v planfile.Variable, err error) {
	if in.Value == cty.NilVal {
		return planfile.Variable{Text: in.Raw}, nil
	}
	if v.Type, err = ctyjson.MarshalType(in.Value.Type()); err != nil {
		return v, err
	}
	v.Value, err = ctyjson.Marshal(in.Value, in.Value.Type())
	return v, err
}

func keptVariable(v planfile.Variable, source string) (expand.VarInput, error) {
	in := expand.VarInput{Raw: v.Text, Source: source}
	if len(v.Type) == 0 {
		return in, nil
	}
	typ, err := ctyjson.UnmarshalType(v.Type)
	if err == nil {
		in.Value, err = ctyjson.Unmarshal(v.Value, typ)
	}
	return in, err
}

// OpenPlan reads a plan file that was made for a state of this engine, by
// [Pipeline.PlanTo].
func (e *Engine) OpenPlan(path string) (*planfile.File, error) {
	file, err := planfile.Read(path)
	if err != nil {
		return nil, err
	}
	key, err := readKey(filepath.Join(e.opts.StateDir, e.StateName(file.Pipeline)))
	if err != nil {
		return nil, err
	}
	return file.Verify(key)
}

// LoadPlan loads the pipeline of a plan with the variables that are in the plan,
// and those that it withholds from vars. The error is a [planfile.StaleError] or a
// [planfile.VariableError].
func (e *Engine) LoadPlan(
	ctx context.Context, fsys fs.FS, file *planfile.File, vars map[string]expand.VarInput,
) (*Pipeline, hcl.Diagnostics, error) {
	if dir, err := os.Getwd(); err == nil && dir != file.WorkDir {
		return nil, nil, planfile.Stale([]string{"it was made in the directory " + file.WorkDir})
	}
	if err := file.CheckGiven(givenNames(vars)); err != nil {
		return nil, nil, err
	}
	used := map[string]expand.VarInput{}
	for name, kept := range file.Variables {
		in, err := keptVariable(kept, "the plan file")
		if err != nil {
			return nil, nil, fmt.Errorf("read plan file: variable %q: %w", name, err)
		}
		used[name] = in
	}
	for _, name := range file.Withheld {
		used[name] = vars[name]
	}
	p, diags := e.LoadFrom(ctx, fsys, file.Pipeline, used)
	if err := planfile.Stale(file.SourceDifferences(sourceDigests(p.Files))); err != nil {
		return p, nil, err
	}
	if !diags.HasErrors() {
		if _, err := p.Select(file.Selection()); err != nil {
			return p, nil, err
		}
	}
	return p, diags, nil
}

// givenNames tells of each variable whether it was meant for this pipeline.
func givenNames(vars map[string]expand.VarInput) map[string]bool {
	names := make(map[string]bool, len(vars))
	for name, in := range vars {
		names[name] = !in.Shared
	}
	return names
}

// holds reports what of a plan does not hold any more.
func (p *Pipeline) holds(file *planfile.File, recorded *state.State, planned *plan.Plan) error {
	if file == nil {
		return nil
	}
	return planfile.Stale(file.Differences(p.pluginDigests(), recorded.Run.ID, planned))
}

func (p *Pipeline) pluginDigests() map[string]string {
	digests := map[string]string{}
	for _, n := range p.Program.Nodes {
		if digests[n.Plugin] == "" {
			digests[n.Plugin] = p.plugins.Digest(n.Plugin)
		}
	}
	return digests
}

func sourceDigests(files map[string]*hcl.File) map[string]string {
	digests := make(map[string]string, len(files))
	for name, file := range files {
		sum := sha256.Sum256(file.Bytes)
		digests[name] = hex.EncodeToString(sum[:])
	}
	return digests
}
