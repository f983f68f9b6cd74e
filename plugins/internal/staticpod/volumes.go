package staticpod

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Mount is a path of the host in the container.
type Mount struct {
	Name      string
	HostPath  string
	MountPath string
	ReadOnly  bool
	Type      corev1.HostPathType
}

// Dir mounts a directory read-only at its own path. It is made if it is absent.
func Dir(name, path string) Mount {
	return Mount{Name: name, HostPath: path, MountPath: path, ReadOnly: true, Type: corev1.HostPathDirectoryOrCreate}
}

// caCertificates is where programs look for the authorities of the world.
const caCertificates = "/etc/ssl/certs"

// caTargets are directories into which links in [caCertificates] lead, on one
// distribution or another.
func caTargets() []string {
	return []string{"/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"}
}

// Authorities are the mounts of the host's certificate authorities: always
// /etc/ssl/certs, and of the directories it may link to those that exist.
func Authorities(exists func(path string) bool) []Mount {
	mounts := []Mount{Dir("ca-certs", caCertificates)}
	for _, path := range caTargets() {
		if exists(path) {
			mounts = append(mounts, Dir(strings.ReplaceAll(path[1:], "/", "-"), path))
		}
	}
	return mounts
}

// Exists tells whether there is anything at a path of this host.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Directories mounts the directories of files that no other mount holds, named
// prefix-0, prefix-1 and so on. A directory inside of another is left out. Empty
// names of files are skipped.
func Directories(prefix string, mounts []Mount, files ...string) []Mount {
	var dirs []string
	for _, file := range files {
		if dir := filepath.Dir(file); file != "" && !held(dir, mounts) && !slices.ContainsFunc(caTargets(), func(ca string) bool { return within(dir, ca) }) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	var out []Mount
	for _, dir := range slices.Compact(dirs) { // parents sort before what is in them
		if !held(dir, out) {
			out = append(out, Dir(prefix+"-"+string(rune('0'+len(out))), dir)) // there are three files at most
		}
	}
	return out
}

func held(path string, mounts []Mount) bool {
	return slices.ContainsFunc(mounts, func(m Mount) bool { return within(path, m.HostPath) })
}

// within reports that path is dir or in it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// volumes returns the volumes of mounts, sorted by name as kubeadm does, and the
// container's view of them in the order of the list.
func volumes(mounts []Mount) ([]corev1.Volume, []corev1.VolumeMount) {
	var vols []corev1.Volume
	var views []corev1.VolumeMount
	for _, m := range mounts {
		vols = append(vols, corev1.Volume{Name: m.Name, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: m.HostPath, Type: &m.Type},
		}})
		views = append(views, corev1.VolumeMount{Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly})
	}
	slices.SortStableFunc(vols, func(a, b corev1.Volume) int { return cmp.Compare(a.Name, b.Name) })
	return vols, views
}

// Sorted returns mounts in the order of their names.
func Sorted(mounts []Mount) []Mount {
	return slices.SortedStableFunc(slices.Values(mounts), func(a, b Mount) int { return cmp.Compare(a.Name, b.Name) })
}

// onHost returns the path on the host of a path in the container, "" for one that
// is of the image or of a volume that is no path of the host.
func onHost(pod *corev1.Pod, path string) string {
	sources := map[string]string{}
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil {
			sources[v.Name] = v.HostPath.Path
		}
	}
	var best corev1.VolumeMount
	for _, m := range pod.Spec.Containers[0].VolumeMounts {
		if within(path, m.MountPath) && len(m.MountPath) > len(best.MountPath) {
			best = m
		}
	}
	source := sources[best.Name]
	if source == "" {
		return ""
	}
	return filepath.Join(source, best.SubPath, strings.TrimPrefix(path, best.MountPath))
}
