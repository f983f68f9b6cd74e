package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Where the kernel and udev tell about disks.
const (
	procMounts = "/proc/mounts"
	byLabel    = "/dev/disk/by-label"
)

type diskConfig struct {
	Label string `cf:"label,required" doc:"Label of the file system, such as \"etcd\"."`
	Mount string `cf:"mount,required" doc:"Where it must be mounted."`
}

type diskOutputs struct {
	Device string `cf:"device,late" doc:"The device that has the label."`
}

func diskType(mounts, labels string) sdk.Type {
	return resource.Phase[diskConfig, diskOutputs]{
		Name: "disk",
		Doc:  "Checks that the disk with a label is there and mounted where it belongs, so that no data lands on the system disk.",
		Example: `phase "site.disk" "etcd" {
  label = "etcd"
  mount = "/var/lib/etcd"
}`,
		Access: []sdk.Access{{Kind: sdk.AccessPath, What: labels}, {Kind: sdk.AccessPath, What: mounts}},
		Build: func(_ context.Context, in resource.Input[diskConfig]) (resource.Work[diskOutputs], error) {
			d := disk{diskConfig: in.Config, mounts: mounts, labels: labels}
			return resource.Work[diskOutputs]{
				// Done is what the host says, so the disk is looked at in every plan.
				Resources: []resource.Resource{&resource.Once{
					Name: "disk " + d.Label, Done: d.check() == nil,
					Run: func(context.Context) error { return d.check() },
				}},
				Outputs: func(context.Context) (diskOutputs, error) {
					device, err := d.device()
					return diskOutputs{Device: device}, err
				},
			}, nil
		},
	}.Type()
}

type disk struct {
	diskConfig
	mounts, labels string
}

// device is the path of the device that has the label.
func (d disk) device() (string, error) {
	path, err := filepath.EvalSymlinks(filepath.Join(d.labels, d.Label))
	if errors.Is(err, fs.ErrNotExist) {
		return "", sdk.Hint(fmt.Errorf("find disk: none has the label %q", d.Label),
			fmt.Sprintf("See what there is: lsblk --fs. To label one: e2label DEVICE %s", d.Label))
	}
	return path, err
}

// check reports why the disk is not where it belongs.
func (d disk) check() error {
	device, err := d.device()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(d.mounts)
	if err != nil {
		return fmt.Errorf("read mounts: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == device && fields[1] == d.Mount {
			return nil
		}
	}
	return sdk.Hint(fmt.Errorf("check disk %s: %s is not mounted at %s", d.Label, device, d.Mount),
		fmt.Sprintf("Mount it, and add it to /etc/fstab: mount LABEL=%s %s", d.Label, d.Mount))
}
