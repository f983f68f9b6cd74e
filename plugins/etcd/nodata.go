package etcd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type noDataConfig struct {
	DataDir string        `cf:"data_dir" default:"\"/var/lib/etcd\"" doc:"Directory of the data."`
	Name    string        `cf:"name,required" doc:"Name of the node whose data it is."`
	Confirm string        `cf:"confirm,required" doc:"The same name once more, from a person who knows that this loses the data for good."`
	Within  time.Duration `cf:"within" default:"\"1m\"" doc:"How long etcd may take to end."`
}

func noDataType() sdk.Type {
	return resource.Phase[noDataConfig, struct{}]{
		Name: "no_data",
		Doc: "No data of etcd is in a directory, whoever made it and whoever counts on it. This is for data that undo of etcd.member keeps: " +
			"of a member that could not leave, or that nothing tells the owner of. Data that an etcd uses stays. Nothing can be undone.",
		Example: `phase "etcd.no_data" "data" {
  name    = "n1"
  confirm = "n1"
}`,
		Access: []sdk.Access{{Kind: sdk.AccessPath, What: "config.data_dir", Write: true}},
		Validate: func(c noDataConfig) error {
			if c.Confirm != c.Name {
				return fmt.Errorf("confirm: this node is %q, not %q: say the name of the node whose data shall be lost", c.Name, c.Confirm)
			}
			if c.Within <= 0 {
				return errors.New("within: must be longer than zero")
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[noDataConfig]) (resource.Work[struct{}], error) {
			d := &dataDir{Dir: resource.Dir{Path: hostpath.Abs(in.WorkDir, in.Config.DataDir)}}
			if d.empty() {
				return resource.Work[struct{}]{}, nil
			}
			return resource.Work[struct{}]{Resources: sweep.Resources([]sweep.Thing{{
				Kind: dataDirKind, Target: filepath.Join(d.Path, "member"), Reason: "for good, as confirmed", Disruptive: true,
				Remove: func(ctx context.Context) error {
					var unreadable *sdk.PermanentError // what is in it does not matter here
					if _, err := d.ended(ctx, in.Config.Within); err != nil && !errors.As(err, &unreadable) {
						return err
					}
					return d.removeData(ctx)
				},
			}})}, nil
		},
	}.Type()
}
