package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// port listens for a moment. Whose program may take a port of the user's own list
// nobody knows, so that anyone's counts as the cluster's.
func (m machine) port(ctx context.Context, address string, port int, own bool) verdict {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err == nil {
		if err := l.Close(); err != nil {
			return unreadable(err)
		}
		return pass("port %d is free", port)
	}
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(fmt.Sprintf("this host has no address %s", address), "Correct port_address. The host's addresses: ip -brief address")
	case errors.Is(err, syscall.EACCES):
		return fail(fmt.Sprintf("user %d may not use port %d", m.uid, port), "Take a port above 1023, or run as root.")
	case !errors.Is(err, syscall.EADDRINUSE):
		return unreadable(err)
	}
	h := m.holder(port)
	v := fail(fmt.Sprintf("port %d is in use%s", port, h.who), fmt.Sprintf("It must be free. %s", h.fix))
	if h.component || own {
		return ofCluster(v)
	}
	return v
}

// holder is who listens on a port, as far as this user may know.
type holder struct {
	who, fix  string
	component bool // a part of Kubernetes, or nobody can tell
}

func (m machine) holder(port int) holder {
	h := holder{fix: fmt.Sprintf("See who has it: sudo ss -ltnp 'sport = :%d'", port), component: true}
	listeners := m.listeners(port)
	if len(listeners) == 0 {
		return h
	}
	pid, name := m.owner(listeners)
	if pid == 0 {
		h.who = fmt.Sprintf(" by a process of user %d", listeners[0].uid)
		return h
	}
	h.who, h.component = fmt.Sprintf(" by %s (pid %d)", name, pid), isComponent(name)
	h.fix = fmt.Sprintf("See what it is: ps -fp %d. End it: kill %d, or stop its service.", pid, pid)
	if h.component {
		h.fix = "It is of an earlier cluster. " + cleanUp
	}
	return h
}

// isComponent reports whether a process has the name of a part of Kubernetes. The
// kernel keeps 15 bytes of names.
func isComponent(name string) bool {
	const kept = 15
	return slices.ContainsFunc([]string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "etcd"},
		func(c string) bool { return c[:min(len(c), kept)] == name })
}

// listeners are the sockets that listen on a port, on any address.
func (m machine) listeners(port int) []listener {
	var out []listener
	for _, name := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(filepath.Join(m.proc, "net", name))
		if err != nil {
			continue // the answer is a help, not the check
		}
		for _, l := range parseListeners(string(text)) {
			if l.port == port {
				out = append(out, l)
			}
		}
	}
	return out
}

// owner finds a process that has one of the sockets open.
func (m machine) owner(listeners []listener) (pid int, name string) {
	processes, err := os.ReadDir(m.proc)
	if err != nil {
		return 0, ""
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		files, err := os.ReadDir(filepath.Join(m.proc, p.Name(), "fd"))
		if err != nil {
			continue // somebody else's process
		}
		for _, f := range files {
			target, err := os.Readlink(filepath.Join(m.proc, p.Name(), "fd", f.Name()))
			if err == nil && slices.ContainsFunc(listeners, func(l listener) bool { return target == l.link() }) {
				return pid, m.processName(pid)
			}
		}
	}
	return 0, ""
}

func (m machine) processName(pid int) string {
	text, err := os.ReadFile(filepath.Join(m.proc, strconv.Itoa(pid), "comm"))
	if err != nil {
		return "a process"
	}
	return strings.TrimSpace(string(text))
}

// listener is a listening socket in /proc/net/tcp.
type listener struct {
	port  int
	uid   uint32
	inode uint64
}

func (l listener) link() string { return fmt.Sprintf("socket:[%d]", l.inode) }

// Columns of /proc/net/tcp and tcp6, and the state of a listening socket.
const (
	columnLocal = 1
	columnState = 3
	columnUID   = 7
	columnInode = 9
	stateListen = "0A"
)

// parseListeners reads the listening sockets of /proc/net/tcp or tcp6. Lines that
// it does not understand are left out.
func parseListeners(text string) []listener {
	var out []listener
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) <= columnInode || fields[columnState] != stateListen {
			continue
		}
		_, hex, ok := strings.Cut(fields[columnLocal], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		uid, uidErr := strconv.ParseUint(fields[columnUID], 10, 32)
		inode, inodeErr := strconv.ParseUint(fields[columnInode], 10, 64)
		if !ok || err != nil || uidErr != nil || inodeErr != nil {
			continue
		}
		out = append(out, listener{port: int(port), uid: uint32(uid), inode: inode})
	}
	return out
}
