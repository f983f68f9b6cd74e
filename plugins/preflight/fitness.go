package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// kindChecks is the kind of [fitness] in records.
const kindChecks = "checks"

// fitness is that a host was found fit before anything was made on it.
//
// A cluster takes the very places that preflight wants free, so a check that was
// made again would fail on a healthy host, and on one where a run was cut short.
// Its record therefore keeps which places were free when all checks passed: what
// sits there later and looks like a cluster's came after, from the run that the
// checks let go on. A file at such a place is taken for that, and a listener with
// the name of a part of Kubernetes; any other listener is an error at any time. A
// host whose checks never passed has no such record: everything found there is of
// somebody else.
type fitness struct {
	Free []string `json:"free"`

	survey survey
	role   string
	done   bool // the checks passed with these inputs
}

var _ resource.Resource = (*fitness)(nil)

func newFitness(c hostConfig, s survey, record resource.Record, done bool) (*fitness, error) {
	f := &fitness{survey: s, role: c.Role, done: done}
	if e, ok := record.Find(f.ID()); ok {
		if err := json.Unmarshal(e.State, f); err != nil {
			return nil, fmt.Errorf("read record of checks: %w", err)
		}
	}
	f.survey.free = f.Free
	return f, nil
}

// ID is the same for every host: there is one in a phase.
func (f *fitness) ID() resource.ID { return resource.ID{Kind: kindChecks, Target: "host"} }

// Diff plans the checks until they passed, and once more when somebody took a
// place that was free.
func (f *fitness) Diff(ctx context.Context) (sdk.Change, error) {
	if !f.done {
		return sdk.Change{Op: sdk.OpRun, Reason: fmt.Sprintf("%d checks for role %s", len(f.survey.checks), f.role)}, nil
	}
	if taken := f.survey.taken(ctx); taken != "" {
		return sdk.Change{Op: sdk.OpRun, Reason: taken}, nil
	}
	return sdk.Change{}, nil
}

// Render makes the checks.
func (f *fitness) Render(ctx context.Context) error {
	seen, err := f.survey.run(ctx)
	if err != nil {
		return err
	}
	f.Free = append(slices.Clone(f.Free), seen...)
	slices.Sort(f.Free)
	f.Free = slices.Compact(f.Free)
	return nil
}

// Remove does nothing: checks leave nothing.
func (f *fitness) Remove(context.Context) error { return nil }
