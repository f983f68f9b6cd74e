package kubelet

import (
	"context"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type stoppedConfig struct {
	Unit string `cf:"unit" default:"\"kubelet\"" doc:"Name of its systemd service."`
}

func stoppedType(h host) sdk.Type {
	return resource.Phase[stoppedConfig, struct{}]{
		Name: "stopped",
		Doc: "The kubelet does not run, nor is it about to be started by systemd once more. It is not disabled: it starts again with the host. " +
			"Undo does not start it.",
		Example:     "phase \"kubelet.stopped\" \"stopped\" {\n  unit = \"kubelet\"\n}",
		CancelGrace: 15 * time.Second,
		Access:      []sdk.Access{{Kind: sdk.AccessUnit, What: "config.unit", Write: true}},
		Validate: func(c stoppedConfig) error {
			if c.Unit == "" {
				return attrError("unit", "must not be empty")
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[stoppedConfig]) (resource.Work[struct{}], error) {
			return resource.Work[struct{}]{Resources: []resource.Resource{&stopped{unit: in.Config.Unit, manager: h.services}}}, nil
		},
	}.Type()
}

// stopped is the resource "the service does not run".
type stopped struct {
	unit    string
	manager services
}

var _ resource.Resource = (*stopped)(nil)

// ID is of the kind of actions: there is nothing to record.
func (s *stopped) ID() resource.ID { return resource.ID{Kind: "action", Target: "stop " + s.unit} }

// Diff asks systemd. A host without systemd has no service.
func (s *stopped) Diff(ctx context.Context) (sdk.Change, error) {
	now, err := s.manager.Service(ctx, s.unit)
	if err != nil {
		return sdk.Change{}, err
	}
	if !up(now) {
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpRun, Reason: "it is " + now.Active, Disruptive: now.Running()}, nil
}

// up reports a service that runs, or waits for its next try.
func up(s systemd.Service) bool {
	return s.Exists() && s.Active != "" && s.Active != "inactive" && s.Active != "failed"
}

// Render stops it.
func (s *stopped) Render(ctx context.Context) error { return s.manager.Stop(ctx, s.unit) }

// Remove does nothing.
func (s *stopped) Remove(context.Context) error { return nil }
