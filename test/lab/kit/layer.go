package kit

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// hostFiles are the files of a host that are neither Debian's nor programs.
//
//go:embed all:host
var hostFiles embed.FS

// layerMaker makes directories to lay over the root file system.
type layerMaker struct{ programs programs }

// hostPrograms answers where the programs of a host go.
func hostPrograms() map[string][]string {
	return map[string][]string{
		"usr/bin":       {"kubelet", "kubectl", "crictl"},
		"usr/local/bin": {"containerd", "containerd-shim-runc-v2", "ctr"},
		"opt/cni/bin":   {"bridge", "host-local", "loopback", "portmap", "ptp"},
	}
}

// enabled are the units that start with the host, beside Debian's, and masked
// those of Debian that would go to the network or wait for a person.
func units() (enabled, masked []string) {
	return []string{"containerd.service", "kubelet.service", "lab-host.service"},
		[]string{"apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service"}
}

// host makes the layer with everything that a Kubernetes host has, except kubeadm.
func (l layerMaker) host(_ context.Context, dir string) error {
	tree, err := fs.Sub(hostFiles, "host")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, tree); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(dir, "usr/local/lib/lab/host"), 0o755); err != nil {
		return err
	}
	for to, names := range hostPrograms() {
		for _, name := range names {
			if err := l.install(name, filepath.Join(dir, to)); err != nil {
				return err
			}
		}
	}
	system := filepath.Join(dir, "etc/systemd/system")
	wants := filepath.Join(system, "multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		return err
	}
	enabled, masked := units()
	for _, unit := range enabled {
		if err := os.Symlink("/usr/lib/systemd/system/"+unit, filepath.Join(wants, unit)); err != nil {
			return err
		}
	}
	for _, unit := range masked {
		if err := os.Symlink("/dev/null", filepath.Join(system, unit)); err != nil {
			return err
		}
	}
	return nil
}

// kubeadm makes the layer that has kubeadm alone.
func (l layerMaker) kubeadm(_ context.Context, dir string) error {
	return l.install("kubeadm", filepath.Join(dir, "usr/bin"))
}

// install puts the program called name into dir, as a hard link where the file
// system allows it. Hosts see it through an overlay and cannot change it.
func (l layerMaker) install(name, dir string) error {
	from, err := l.programs.path(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	to := filepath.Join(dir, name)
	err = os.Link(from, to)
	if errors.Is(err, syscall.EXDEV) {
		err = copyProgram(from, to)
	}
	return err
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// digest names the recipe of the host layer: the files and where programs go.
func (l layerMaker) digest() (string, error) {
	h := sha256.New()
	enabled, masked := units()
	fmt.Fprintln(h, hostPrograms(), enabled, masked)
	err := fs.WalkDir(hostFiles, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(hostFiles, path)
		fmt.Fprintf(h, "%s %x\n", path, sha256.Sum256(text))
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
