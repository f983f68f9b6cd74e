package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/engine/resume"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/sdk"
)

var _ run.Resumption = resume.Unit{}

// resumption lets a run go on after a boot, by the command line that the caller
// gives for it.
func (p *Pipeline) resumption(argv []string, system resume.System) (resume.Unit, error) {
	dir, err := os.Getwd()
	if err != nil {
		return resume.Unit{}, fmt.Errorf("find working directory: %w", err)
	}
	u := resume.Unit{Name: p.Name, Argv: argv, Dir: dir, Env: p.resumeEnv(), System: system, Unable: p.forgets()}
	if len(argv) == 0 {
		u.Unable = sdk.Hint(errors.New("a plan file is carried out once, and holds no more after the boot"),
			"Apply the pipeline itself.")
	}
	return u, nil
}

// forgets says why the variables of this run are not known after a boot: values of
// sensitive ones are stored nowhere but in files of the user's own.
func (p *Pipeline) forgets() error {
	for _, name := range slices.Sorted(maps.Keys(p.given.vars)) {
		in, decl := p.given.vars[name], p.given.declared[name]
		if decl == nil || !decl.Sensitive && !decl.Ephemeral {
			continue
		}
		if in.Source == "--var" || strings.HasPrefix(in.Source, varPrefix) {
			return sdk.Hint(fmt.Errorf("the variable %q is sensitive and was given by %s, which nobody remembers after the boot", name, in.Source),
				"Put it into a file that only root may read and that outlives the boot, and give that with --var-file.")
		}
	}
	return nil
}

// resumeEnv is what of the environment the run needs again. It holds no secret.
func (p *Pipeline) resumeEnv() []string {
	var out []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		variable, isVar := strings.CutPrefix(name, varPrefix)
		decl := p.given.declared[variable]
		switch {
		case isVar && decl != nil && !decl.Sensitive && !decl.Ephemeral:
		case name == "PATH", name == "HOME", name == "CLUSTERFLOW_PLUGIN_PATH":
		default:
			continue
		}
		out = append(out, entry)
	}
	return out
}

// apply runs a planned pipeline, and sees to it that it goes on after a boot, and
// only then.
func (p *Pipeline) apply(ctx context.Context, do func(run.Resumption) run.Result, opts ApplyOptions) error {
	u, err := p.resumption(opts.Resume, opts.System)
	if err != nil {
		return err
	}
	if do(u).Rebooting {
		p.engine.opts.Warn("the host boots; the run goes on after that, see: clusterflow runs")
		return nil
	}
	return u.Disarm(context.WithoutCancel(ctx))
}
