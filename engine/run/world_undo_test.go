package run

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// undoName is the thing that an undo is about: the one in its record, or in the
// config.
func undoName(config cty.Value, private []byte) string {
	name, _, _ := strings.Cut(string(private), " ")
	if name == "" && config != cty.NilVal {
		name = config.GetAttr("name").AsString()
	}
	return name
}

// planUndo is called with the lock held.
func (w *world) planUndo(name string) sdk.Plan {
	if _, there := w.things[name]; !there {
		return sdk.Plan{}
	}
	return sdk.Plan{Changes: []sdk.Change{{Op: sdk.OpDelete, Kind: "thing", Target: name}}}
}

// warnings are what comes with a call that worked, for how = "warn" or "warn and log".
func warnings(how, what string) sdk.Diagnostics {
	if !strings.HasPrefix(how, "warn") {
		return nil
	}
	return sdk.Diagnostics{{Severity: sdk.SeverityWarning, Summary: what + ", but", Detail: "look at it"}}
}

// took returns the calls since the last time, those that begin with a prefix.
func (w *world) took(prefix string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, c := range w.calls {
		if strings.HasPrefix(c, prefix) {
			out = append(out, strings.TrimPrefix(c, prefix))
		}
	}
	w.calls = nil
	return out
}
