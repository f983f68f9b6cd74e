package kubelet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/mount-utils"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type noMountsConfig struct {
	Dir   string   `cf:"dir" default:"\"/var/lib/kubelet\"" doc:"Directory of the kubelet. What is mounted at the directory itself stays."`
	Flags []string `cf:"flags" doc:"How to unmount: MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW. Default: only what nobody uses."`
}

func noMountsType() sdk.Type {
	return resource.Phase[noMountsConfig, struct{}]{
		Name: "no_mounts",
		Doc: "Nothing is mounted below the kubelet's directory: the volumes of pods are unmounted, deepest first. One that is in use stays, with what it holds, and fails the phase. " +
			"What is on a volume is not touched. Nothing can be undone.",
		Example:  "phase \"kubelet.no_mounts\" \"mounts\" {\n  flags = [\"MNT_DETACH\"] # also those in use\n}",
		Access:   []sdk.Access{{Kind: sdk.AccessPath, What: "config.dir", Write: true}},
		Validate: func(c noMountsConfig) error { _, err := unmountFlags(c.Flags); return err },
		Build: func(_ context.Context, in resource.Input[noMountsConfig]) (resource.Work[struct{}], error) {
			things, err := mountsOf(hostpath.Abs(in.WorkDir, in.Config.Dir), in.Config.Flags)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

// unmountFlags are those of umount(2), by the names that kubeadm takes.
func unmountFlags(names []string) (int, error) {
	known := map[string]int{
		"MNT_FORCE": unix.MNT_FORCE, "MNT_DETACH": unix.MNT_DETACH, "MNT_EXPIRE": unix.MNT_EXPIRE, "UMOUNT_NOFOLLOW": unix.UMOUNT_NOFOLLOW,
	}
	flags := 0
	for _, name := range names {
		flag, ok := known[name]
		if !ok {
			return 0, attrError("flags", "%q is not one of MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW", name)
		}
		flags |= flag
	}
	return flags, nil
}

// mountsOf lists what is mounted below dir, what was mounted last first: so what
// is deeper, or on top, comes before what it is in or on.
func mountsOf(dir string, names []string) ([]sweep.Thing, error) {
	flags, err := unmountFlags(names)
	if err != nil {
		return nil, err
	}
	points, err := mountPoints(dir)
	if err != nil {
		return nil, err
	}
	out := make([]sweep.Thing, 0, len(points))
	for _, p := range points {
		out = append(out, sweep.Thing{
			Kind: "mount", Target: p.Path, Reason: fmt.Sprintf("%s of type %s", p.Device, p.Type),
			Remove: func(context.Context) error { return unmount(p.Path, flags) },
		})
	}
	return out, nil
}

// mountPoints lists what is mounted below dir, but not at it.
func mountPoints(dir string) ([]mount.MountPoint, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", dir, err)
	}
	all, err := mount.ListProcMounts("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for i := range all {
		all[i].Path = unescape.Replace(all[i].Path)
	}
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(p mount.MountPoint) bool {
		return !strings.HasPrefix(p.Path, strings.TrimSuffix(resolved, "/")+"/")
	}), nil
}

func unmount(path string, flags int) error {
	err := unix.Unmount(path, flags)
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // not mounted any more
		return nil
	case errors.Is(err, unix.EBUSY):
		return sdk.Hint(err, fmt.Sprintf("See who uses it: fuser -vm %s. End that, or let it go when its last user ends: unmount_flags = [\"MNT_DETACH\"].", path))
	}
	return err
}
