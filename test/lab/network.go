package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Addresses of a lab. No lab sees another, so all use the same.
const (
	// Gateway is the address of the bridge, the only way out of a host, and of the registry.
	Gateway = "10.99.0.1"
	// PodCIDR is the range of all pods; host nI has the (I-1)th /24 of it.
	PodCIDR = "10.244.0.0/16"
)

func hostAddress(i int) string { return fmt.Sprintf("10.99.0.%d", 10+i) }

func podRange(i int) string { return fmt.Sprintf("10.244.%d.0/24", i-1) }

// makeBridge makes the network that hosts are plugged into. It routes between
// the pod ranges of hosts, as the network of a cloud would.
func (l *Lab) makeBridge(ctx context.Context) error {
	if err := makeNamespace(l.dir.bridge()); err != nil {
		return err
	}
	err := inNamespace(l.dir.bridge(), func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644),
			os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0o644), // refuse every packet, not one a second
		)
	})
	if err != nil {
		return fmt.Errorf("let the bridge route: %w", err)
	}
	err = ip(ctx, l.dir.bridge(),
		"link set lo up",
		"link add br0 type bridge",
		"addr add "+Gateway+"/24 dev br0",
		"link set br0 up",
		"route add prohibit default") // what is nowhere is refused at once, not after a timeout
	if err != nil {
		return err
	}
	return l.makeBridge6(ctx)
}

// plug makes the network namespace of h and joins it to the bridge.
func (h *Host) plug(ctx context.Context) error {
	if err := makeNamespace(h.namespace()); err != nil {
		return err
	}
	err := ip(ctx, h.lab.dir.bridge(),
		"link add "+h.Name+" type veth peer name eth0 netns "+h.namespace(),
		"link set "+h.Name+" master br0 up",
		"route replace "+podRange(h.number)+" via "+h.IP)
	if err != nil {
		return err
	}
	err = ip(ctx, h.namespace(),
		"link set lo up",
		"addr add "+h.IP+"/24 dev eth0",
		"link set eth0 up",
		"route add default via "+Gateway)
	if err != nil {
		return err
	}
	return h.plug6(ctx)
}

// unplug removes the wire between h and the bridge.
func (h *Host) unplug(ctx context.Context) error {
	return ip(ctx, h.lab.dir.bridge(), "link del "+h.Name)
}

// ip runs commands of ip in a network namespace.
func ip(ctx context.Context, namespace string, commands ...string) error {
	cmd := exec.CommandContext(ctx, "nsenter", "--net="+namespace, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("set up network: ip: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// makeNamespace makes a network namespace that lives as long as file is mounted.
func makeNamespace(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		own := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
		return unix.Mount(own, file, "", unix.MS_BIND, "")
	})
}

// inNamespace calls do on a thread that is in the network namespace of file.
func inNamespace(file string, do func() error) error {
	return onOwnThread(func() error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", file, err)
		}
		return do()
	})
}

// onOwnThread calls do on a thread that ends when do returns, so that do may
// change the thread's namespaces. The main thread would not end: it would stay
// there, keep the namespace, and be what /proc/self shows of this process.
func onOwnThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onOwnThread(do) // on another one, since this one is taken
			return
		}
		done <- do()
	}()
	return <-done
}

// listenIn listens on a TCP address inside the network namespace of file.
func listenIn(ctx context.Context, file, address string) (listener net.Listener, err error) {
	err = inNamespace(file, func() error {
		var config net.ListenConfig
		listener, err = config.Listen(ctx, "tcp", address)
		return err
	})
	return listener, err
}

// Dial is like net.Dialer.DialContext from h: tests reach through it what hosts
// and pods serve. The address is numeric, such as 10.99.0.11:6443.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = inNamespace(h.namespace(), func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen is like net.Listen on the bridge, where all hosts reach it: what is no
// host of the cluster, such as a load balancer. The address is Gateway with a port.
func (l *Lab) Listen(ctx context.Context, address string) (net.Listener, error) {
	return listenIn(ctx, l.dir.bridge(), address)
}
