package planfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/engine/plan"
)

// StaleError says that a plan does not hold any more.
type StaleError struct {
	// Differences are what changed since, one line each.
	Differences []string
}

// Error lists the first differences.
func (e *StaleError) Error() string {
	const most = 8
	shown := e.Differences
	if more := len(shown) - most; more > 1 {
		shown = append(slices.Clone(shown[:most]), fmt.Sprintf("and %d more", more))
	}
	return "the plan does not hold any more:\n  " + strings.Join(shown, "\n  ")
}

// Stale returns a [*StaleError], or nil without differences.
func Stale(differences []string) error {
	if len(differences) == 0 {
		return nil
	}
	return &StaleError{Differences: differences}
}

// SourceDifferences compares the sources of the plan with those that are there now.
func (f *File) SourceDifferences(now map[string]string) []string {
	return differences("source file", f.Sources, now)
}

// Differences compares everything else: plugins, what is recorded, and what each
// phase would do.
func (f *File) Differences(plugins map[string]string, run string, planned *plan.Plan) []string {
	out := differences("plugin", f.Plugins, plugins)
	if run != f.Run {
		out = append(out, fmt.Sprintf("the state: run %s came after the plan", run))
	}
	now := map[string]Step{}
	for _, s := range Steps(planned) {
		now[s.Address] = s
	}
	for _, was := range f.Steps {
		is, ok := now[was.Address]
		delete(now, was.Address)
		if what := was.difference(is); !ok {
			out = append(out, was.Address+": is not in the pipeline any more")
		} else if what != "" {
			out = append(out, was.Address+": "+what)
		}
	}
	for _, address := range slices.Sorted(maps.Keys(now)) {
		out = append(out, address+": is new")
	}
	return out
}

func (s Step) difference(now Step) string {
	switch {
	case now.Action != s.Action:
		return fmt.Sprintf("was planned as %q, is now %q", s.Action, now.Action)
	case now.Undo != s.Undo:
		return "what it makes would be removed, or the other way round"
	case now.Inputs != s.Inputs:
		return "its inputs are others"
	case now.Fingerprint != s.Fingerprint:
		return "it would change other things: the host is not as it was"
	default:
		return ""
	}
}

// VariableError says that a variable must, or must not, be given with a plan file.
type VariableError struct {
	Name string
	// Missing variables are sensitive, so that they are not in the plan.
	Missing bool
}

func (e *VariableError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the variable %q is sensitive, so its value is not in the plan file: give it again, as --var, --var-file or CLUSTERFLOW_VAR_%s",
			e.Name, e.Name)
	}
	return fmt.Sprintf("the variable %q has the value that is in the plan file: for another one make a new plan", e.Name)
}

// CheckGiven checks that of the variables just those are given that the plan
// withholds. Their value says whether they are meant for this pipeline alone; what
// is meant for many may be there without being used. The error is a
// [VariableError].
func (f *File) CheckGiven(given map[string]bool) error {
	for _, name := range f.Withheld {
		if _, ok := given[name]; !ok {
			return &VariableError{Name: name, Missing: true}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] && !slices.Contains(f.Withheld, name) {
			return &VariableError{Name: name}
		}
	}
	return nil
}

func differences(what string, before, now map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		switch digest, ok := now[name]; {
		case !ok:
			out = append(out, fmt.Sprintf("%s %s is gone", what, name))
		case digest != before[name]:
			out = append(out, fmt.Sprintf("%s %s was changed", what, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, ok := before[name]; !ok {
			out = append(out, fmt.Sprintf("%s %s is new", what, name))
		}
	}
	return out
}
