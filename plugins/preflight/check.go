package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// checkTimeout bounds one check.
const checkTimeout = 15 * time.Second

// check is one question to the host.
type check struct {
	name  string
	roles []string // that ask it by themselves
	run   func(ctx context.Context) verdict
}

// verdict is the answer to a check.
type verdict struct {
	note             string // what was found, when all is well
	warnings, errors []finding
}

// finding is one thing that is not as it should be.
type finding struct {
	found string // a clause: "port 6443 is in use by etcd (pid 12)"
	fix   string // what is needed, and the command that brings it about
}

func pass(format string, args ...any) verdict { return verdict{note: fmt.Sprintf(format, args...)} }

func fail(found, fix string) verdict { return verdict{errors: []finding{{found, fix}}} }

func warn(found, fix string) verdict { return verdict{warnings: []finding{{found, fix}}} }

// runAll makes all checks at once. The error lists what all of them found.
func runAll(ctx context.Context, checks []check, ignored func(name string) bool) error {
	verdicts := make([]verdict, len(checks))
	var group sync.WaitGroup
	for i, c := range checks {
		group.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("no answer within %s", checkTimeout))
			defer cancel()
			verdicts[i] = c.run(ctx)
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var problems sdk.Diagnostics
	for i, c := range checks {
		problems = append(problems, report(ctx, c.name, verdicts[i], ignored(c.name))...)
	}
	if len(problems) == 0 {
		return nil
	}
	last := &problems[len(problems)-1]
	last.Detail = strings.TrimSpace(last.Detail + "\nTo go on in spite of an error, put the name of its check into ignore.")
	return problems
}

// report logs the result of one check and returns its errors.
func report(ctx context.Context, name string, v verdict, ignored bool) sdk.Diagnostics {
	log := zerolog.Ctx(ctx).With().Str("check", name).Logger()
	if len(v.errors) == 0 && len(v.warnings) == 0 {
		log.Info().Msgf("%s: %s", name, v.note)
		return nil
	}
	for _, f := range v.warnings {
		resource.Warn(ctx, fmt.Sprintf("check %s: %s", name, f.found), f.fix)
	}
	var problems sdk.Diagnostics
	for _, f := range v.errors {
		if ignored {
			resource.Warn(ctx, fmt.Sprintf("check %s: %s (ignored)", name, f.found), f.fix)
			continue
		}
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
