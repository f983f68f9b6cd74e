package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// checkTimeout bounds one check. The longest, of an etcd elsewhere, gives up after
// 20 s by itself.
const checkTimeout = 30 * time.Second

// cleanUp is how to get rid of an earlier cluster.
const cleanUp = "Clean the host: clusterflow apply reset.hcl"

// check is one question to the host.
type check struct {
	name  string
	roles []string // that ask it by themselves
	run   func(ctx context.Context) verdict
	// first says that nothing else is asked when it fails.
	first bool
	// vacancy says that it looks for a place that the cluster will take: a port, a
	// file, a directory.
	vacancy bool
}

// verdict is the answer to a check.
type verdict struct {
	note             string // what was found, when all is well
	warnings, errors []finding
	// cluster says that the errors are of what a cluster leaves: once the place was
	// seen to be free, it can be this one's.
	cluster bool
}

// finding is one thing that is not as it should be.
type finding struct {
	found string // a clause: "port 6443 is in use by etcd (pid 12)"
	fix   string // what is needed, and the command that brings it about
}

func pass(format string, args ...any) verdict { return verdict{note: fmt.Sprintf(format, args...)} }

func fail(found, fix string) verdict { return verdict{errors: []finding{{found, fix}}} }

func warn(found, fix string) verdict { return verdict{warnings: []finding{{found, fix}}} }

func ofCluster(v verdict) verdict {
	v.cluster = true
	return v
}

// survey is a set of checks on one host.
type survey struct {
	checks  []check
	ignored func(name string) bool
	// free names the vacancies that were seen before anything was made on this host.
	free []string
}

// run makes all checks at once, after those that come first. The error lists what
// all of them found; without one, seen names the places that are free.
func (s survey) run(ctx context.Context) (seen []string, err error) {
	first := slices.DeleteFunc(slices.Clone(s.checks), func(c check) bool { return !c.first })
	if problems := s.report(ctx, first, s.ask(ctx, first)); len(problems) > 0 {
		return nil, problems
	}
	rest := slices.DeleteFunc(slices.Clone(s.checks), func(c check) bool { return c.first })
	verdicts := s.ask(ctx, rest)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	problems := s.report(ctx, rest, verdicts)
	if len(problems) > 0 {
		last := &problems[len(problems)-1]
		last.Detail = strings.TrimSpace(last.Detail + "\nTo go on in spite of an error, put the name of its check into ignore.")
		return nil, problems
	}
	for i, c := range rest {
		if c.vacancy && len(verdicts[i].errors) == 0 {
			seen = append(seen, c.name)
		}
	}
	return seen, nil
}

// taken asks again, without a word, for the places that were free, and returns the
// first that somebody else has taken since, or "".
func (s survey) taken(ctx context.Context) string {
	asked := slices.DeleteFunc(slices.Clone(s.checks), func(c check) bool {
		return !c.vacancy || !slices.Contains(s.free, c.name) || s.ignored(c.name)
	})
	for _, v := range s.ask(ctx, asked) {
		if len(v.errors) > 0 {
			return v.errors[0].found
		}
	}
	return ""
}

// ask gets the verdicts, in the order of the checks.
func (s survey) ask(ctx context.Context, checks []check) []verdict {
	verdicts := make([]verdict, len(checks))
	var group sync.WaitGroup
	for i, c := range checks {
		group.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("no answer within %s", checkTimeout))
			defer cancel()
			v := c.run(ctx)
			if len(v.errors) > 0 && v.cluster && slices.Contains(s.free, c.name) {
				v = pass("%s, since this host was found fit", v.errors[0].found)
			}
			verdicts[i] = v
		})
	}
	group.Wait()
	return verdicts
}

// report logs the results and returns the errors.
func (s survey) report(ctx context.Context, checks []check, verdicts []verdict) sdk.Diagnostics {
	var problems sdk.Diagnostics
	for i, c := range checks {
		problems = append(problems, report(ctx, c.name, verdicts[i], s.ignored(c.name))...)
	}
	return problems
}

// report logs the result of one check and returns its errors.
func report(ctx context.Context, name string, v verdict, ignored bool) sdk.Diagnostics {
	result := func(result string) zerolog.Logger {
		return zerolog.Ctx(ctx).With().Str("check", name).Str("result", result).Logger()
	}
	if len(v.errors) == 0 && len(v.warnings) == 0 {
		log := result("ok")
		log.Info().Msgf("%s: %s", name, v.note)
		return nil
	}
	log := result("warning")
	warned := log.WithContext(ctx)
	for _, f := range v.warnings {
		resource.Warn(warned, fmt.Sprintf("check %s: %s", name, f.found), f.fix)
	}
	var problems sdk.Diagnostics
	for _, f := range v.errors {
		if ignored {
			resource.Warn(warned, fmt.Sprintf("check %s: %s (ignored)", name, f.found), f.fix)
			continue
		}
		log := result("error")
		log.Error().Msgf("%s: %s", name, f.found)
		problems = append(problems, sdk.Diagnostic{
			Severity: sdk.SeverityError, Summary: fmt.Sprintf("check %s: %s", name, f.found), Detail: f.fix,
		})
	}
	return problems
}

// unreadable is the verdict when the host does not answer.
func unreadable(err error) verdict {
	var hint *sdk.HintError
	if errors.As(err, &hint) {
		return fail(err.Error(), hint.Hint)
	}
	return fail(err.Error(), "")
}
