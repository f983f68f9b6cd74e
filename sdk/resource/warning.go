package resource

import (
	"context"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

// Warn reports something that a person should look at although the phase goes
// on. It is logged at once and is part of the result of the running Plan, Apply or
// Undo; detail says what to do and may be empty.
func Warn(ctx context.Context, summary, detail string) {
	line := zerolog.Ctx(ctx).Warn()
	if detail != "" {
		line = line.Str("hint", detail)
	}
	line.Msg(summary)
	if w, ok := ctx.Value(warningsKey{}).(*warnings); ok {
		w.add(sdk.Diagnostic{Severity: sdk.SeverityWarning, Summary: summary, Detail: detail})
	}
}

type warningsKey struct{}

// silently drops warnings: how a thing differs from what is wanted does not matter
// to one who removes it.
func silently(ctx context.Context) context.Context {
	log := zerolog.Nop()
	return context.WithValue(log.WithContext(ctx), warningsKey{}, nil)
}

// warnings collects what the resources of one call report, side by side.
type warnings struct {
	mu   sync.Mutex
	list sdk.Diagnostics
}

func withWarnings(ctx context.Context) (context.Context, *warnings) {
	w := &warnings{}
	return context.WithValue(ctx, warningsKey{}, w), w
}

func (w *warnings) add(d sdk.Diagnostic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, d)
}

func (w *warnings) diagnostics() sdk.Diagnostics {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.list)
}
