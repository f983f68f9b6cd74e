package staticpod

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Volume is a [Mount] as users write it.
type Volume struct {
	Name      string `cf:"name,required"`
	HostPath  string `cf:"host_path,required"`
	MountPath string `cf:"mount_path,required"`
	ReadOnly  bool   `cf:"read_only"`
	PathType  string `cf:"path_type"`
}

// pathTypes are those of hostPath volumes. Empty means that nothing is checked.
func pathTypes() []string {
	return []string{"", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"}
}

// CheckVolumes reports what the kubelet would refuse.
func CheckVolumes(volumes []Volume) error {
	for i, v := range volumes {
		if problems := validation.IsDNS1123Label(v.Name); len(problems) > 0 {
			return fmt.Errorf("name %q: %s", v.Name, strings.Join(problems, "; "))
		}
		for _, path := range []string{v.HostPath, v.MountPath} {
			if !filepath.IsAbs(path) {
				return fmt.Errorf("volume %s: %q is not an absolute path", v.Name, path)
			}
		}
		if !slices.Contains(pathTypes(), v.PathType) {
			return fmt.Errorf("volume %s: path_type %q is not one of %s", v.Name, v.PathType, strings.Join(pathTypes()[1:], ", "))
		}
		if slices.ContainsFunc(volumes[:i], func(o Volume) bool { return o.Name == v.Name }) {
			return fmt.Errorf("volume %s: it is there twice", v.Name)
		}
	}
	return nil
}

// Extra adds the volumes of a user: one replaces the mount of its name.
func Extra(mounts []Mount, extra []Volume) []Mount {
	mounts = slices.Clone(mounts)
	for _, v := range extra {
		mounts = slices.DeleteFunc(mounts, func(m Mount) bool { return m.Name == v.Name })
		mounts = append(mounts, Mount{
			Name: v.Name, HostPath: v.HostPath, MountPath: v.MountPath, ReadOnly: v.ReadOnly, Type: corev1.HostPathType(v.PathType),
		})
	}
	return mounts
}
