package run

import (
	"fmt"
	"maps"
	"slices"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/sdk"
)

// maxFields is how many fields of a log line are kept.
const maxFields = 64

// cut shortens a text of a plugin to what a log line may have. What a plugin makes
// the engine hold at a time is bounded by that: a message of at most
// sdk.MaxMessageSize for each call, and what waits for the loop and for the views,
// cut.
func cut(text string) string {
	if len(text) <= sdk.MaxLogLine {
		return text
	}
	return text[:sdk.MaxLogLine] + " …"
}

func cutFields(fields map[string]string) map[string]string {
	if len(fields) == 0 {
		return nil
	}
	out := make(map[string]string, min(len(fields), maxFields))
	left := sdk.MaxLogLine
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if left -= len(name) + len(fields[name]); left < 0 || len(out) == maxFields {
			out["…"] = fmt.Sprintf("%d more", len(fields)-len(out))
			return out
		}
		out[name] = fields[name]
	}
	return out
}

func cutChange(c sdk.Change) event.Change {
	e := plan.Change(c)
	e.Kind, e.Target, e.Reason = cut(e.Kind), cut(e.Target), cut(e.Reason)
	return e
}
