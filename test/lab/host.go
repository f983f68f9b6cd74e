package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is one machine of a lab.
type Host struct {
	Name string // n1, n2, …
	IP   string // 10.99.0.11, 10.99.0.12, …

	lab     *Lab
	number  int // 1, 2, …
	groups  groups
	machine machine
}

func newHost(l *Lab, number int, all groups) *Host {
	name := hostName(number)
	return &Host{Name: name, IP: hostAddress(number), lab: l, number: number, groups: all.of(name)}
}

func hostName(number int) string { return fmt.Sprintf("n%d", number) }

func (h *Host) path(name string) string { return filepath.Join(h.lab.dir.host(h.number), name) }

func (h *Host) namespace() string { return h.path("net/host") }

// disks are the directories of a host that are real ones, not parts of an
// overlay: containerd and etcd need that. The key is the name in the state directory.
func disks() map[string]string {
	return map[string]string{
		"containerd": "/var/lib/containerd",
		"kubelet":    "/var/lib/kubelet",
		"etcd":       "/var/lib/etcd",
	}
}

// create makes h from nothing and boots it.
func (h *Host) create(ctx context.Context) error {
	for _, step := range []func(context.Context) error{h.makeDisks, h.mountRoot, h.writeFiles, h.plug, h.boot} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("host %s: %w", h.Name, err)
		}
	}
	return nil
}

func (h *Host) makeDisks(ctx context.Context) error {
	for _, dir := range []string{"root", "upper", "work", "kubelet", "etcd"} {
		if err := os.MkdirAll(h.path(dir), 0o755); err != nil {
			return err
		}
	}
	if !h.lab.opt.Images {
		return os.Mkdir(h.path("containerd"), 0o711)
	}
	return copyStore(ctx, h.lab.kit.Store, h.path("containerd"))
}

// copyStore copies a root directory of containerd. Layers and blobs, which
// nobody writes to, become hard links where the file system allows it.
func copyStore(ctx context.Context, from, to string) error {
	if err := cp(ctx, "-a", "--link", from, to); err != nil {
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		return cp(ctx, "-a", "--reflink=auto", from, to) // another file system
	}
	databases, err := filepath.Glob(filepath.Join(from, "*", "*.db"))
	if err != nil {
		return err
	}
	for _, file := range databases {
		copied := filepath.Join(to, strings.TrimPrefix(file, from))
		if err := os.Remove(copied); err != nil {
			return err
		}
		if err := cp(ctx, "-a", file, copied); err != nil {
			return err
		}
	}
	return nil
}

func cp(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "cp", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// mountRoot lays an empty directory of h's own over the ones all hosts share.
func (h *Host) mountRoot(context.Context) error {
	layers := []string{h.lab.kit.Host, h.lab.kit.Base}
	if h.lab.opt.Kubeadm {
		layers = append([]string{h.lab.kit.Kubeadm}, layers...)
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(layers, ":"), h.path("upper"), h.path("work"))
	err := unix.Mount("overlay", h.lab.dir.root(h.number), "overlay", 0, options)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("mount overlay: %w; the file system of %s cannot carry one: set CLUSTERFLOW_LAB_DIR to a directory of a real disk", err, h.path(""))
	}
	if err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	return nil
}

// writeFiles writes what differs between hosts.
func (h *Host) writeFiles(context.Context) error {
	identity := make([]byte, 16)
	rand.Read(identity)
	hosts := "127.0.0.1 localhost\n"
	for i := range MaxHosts {
		hosts += hostAddress(i+1) + " " + hostName(i+1) + "\n"
	}
	files := map[string]string{
		"etc/machine-id":  hex.EncodeToString(identity) + "\n",
		"etc/hostname":    h.Name + "\n",
		"etc/hosts":       hosts,
		"etc/resolv.conf": "nameserver " + Gateway + "\n", // nobody answers there, but CoreDNS exits without one
		"etc/cni/net.d/10-bridge.conflist": fmt.Sprintf(`{
  "cniVersion": "1.0.0",
  "name": "lab",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": %s
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, h.podNetwork()),
	}
	for name, text := range files {
		file := filepath.Join(h.lab.dir.root(h.number), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Wipe makes h what it was when the lab came up: it ends everything on it,
// removes all its files and boots it again.
func (h *Host) Wipe(ctx context.Context) error {
	if err := h.groups.end(ctx); err != nil {
		return fmt.Errorf("wipe host %s: %w", h.Name, err)
	}
	h.machine.reap()
	traces := removeTraces(h.lab.dir.machine(h.number), h.lab.dir.root(h.number))
	if err := errors.Join(traces, h.unplug(ctx), unmountBelow(h.path(""))); err != nil {
		return fmt.Errorf("wipe host %s: %w", h.Name, err)
	}
	if err := os.RemoveAll(h.path("")); err != nil {
		return err
	}
	return h.create(ctx)
}

// bootWithin is how long a host may take to come up. It takes a second or two,
// but a minute and more on a machine that has forty times too much to do.
const bootWithin = 4 * time.Minute
