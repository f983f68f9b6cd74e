// Package resource makes phase types out of the things they want to exist:
// files, directories, processes, checks, or a plugin's own kinds such as a
// certificate or a Kubernetes object.
//
// A [Resource] can compare itself with the host, make itself so, and remove
// itself. A [Phase] lists the resources of one configured phase; [Phase.Type]
// turns it into an [sdk.Type] whose plan, drift detection, idempotence, record
// and undo all follow from that list. No plugin hand-writes a plan.
//
// The package does not order phases and keeps no state between calls: what a
// phase made is in the private record that the engine stores.
package resource

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/clusterflow/clusterflow/sdk"
)

// ID names a resource within a host or cluster. It is shown in plans and stored
// in records, so it holds no secret.
type ID struct {
	Kind   string // "file", "process", "certificate"
	Target string // "/etc/kubernetes/admin.conf"
}

// Resource is one thing that a phase wants to exist. Its exported fields are
// stored as JSON in the phase's record and must be enough for Remove; secrets
// and content carry the tag `json:"-"`.
type Resource interface {
	ID() ID
	// Diff reads the host and says what Render would do: OpNone when all is as
	// wanted, OpCreate when the thing is absent, OpUpdate when it differs, OpRun
	// for actions. Kind and Target of the change are filled in by the caller unless
	// set here. Diff never writes. It may run before the phases it depends on were
	// applied. On a resource that was brought back from a record it is asked only
	// whether the thing is there.
	Diff(ctx context.Context) (sdk.Change, error)
	// Render makes it so, whatever Diff said before. It is safe to repeat.
	Render(ctx context.Context) error
	// Remove takes the thing away; an absent thing is no error.
	Remove(ctx context.Context) error
}

// Keeper is a resource that may outlive its phase, such as a cached image that
// others have come to use.
type Keeper interface {
	// Kept says that undo leaves the thing alone although the phase made it.
	Kept() bool
}

// Remnant is a resource of which a part may be left when the thing is not there: of
// a run that was killed, such as a key without its certificate.
type Remnant interface {
	// Left says that there is something for Remove to take away.
	Left() bool
}

// Kind knows how to bring back a resource from a record, to remove it when its
// config is gone.
type Kind struct {
	Name string
	// Restore is nil for actions, such as a check or a wait, that leave nothing to
	// remove.
	Restore func(state json.RawMessage) (Resource, error)
}

// KindOf makes a [Kind] for a resource type whose JSON form is its record:
//
//	var fileKind = resource.KindOf[File]("file")
func KindOf[T any, P interface {
	*T
	Resource
}](name string) Kind {
	return Kind{Name: name, Restore: func(state json.RawMessage) (Resource, error) {
		var r T
		if err := json.Unmarshal(state, &r); err != nil {
			return nil, fmt.Errorf("read record of %s: %w", name, err)
		}
		return P(&r), nil
	}}
}
