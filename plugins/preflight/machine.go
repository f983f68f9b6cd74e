package preflight

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
	"github.com/clusterflow/clusterflow/plugins/internal/cri"
)

// machine is the host as the checks see it; tests make their own.
type machine struct {
	workDir  string
	proc     string // where procfs is
	run      string // where /run is
	sockets  []string
	uid      int
	cpus     int
	hostname func() (string, error)
	lookup   func(ctx context.Context, host string) ([]string, error)
	proxy    func(*url.URL) (*url.URL, error)
	lookPath func(program string) (string, error)
	// command runs a program to its end and keeps its output to itself.
	command    func(ctx context.Context, argv ...string) (command.Result, error)
	interfaces func() ([]link, error)
	verify     func(kubeletVersion string) systemReport
	clock      func() (synchronised bool, err error)
	said       *memory
}

// link is a network interface.
type link struct {
	name      string
	up        bool
	loopback  bool
	addresses []netip.Addr // in the kernel's order
}

func newMachine(workDir string, said *memory) machine {
	return machine{
		workDir: workDir, proc: "/proc", run: "/run", sockets: cri.Known(), uid: os.Geteuid(), cpus: runtime.NumCPU(),
		hostname: os.Hostname, lookup: net.DefaultResolver.LookupHost,
		proxy:    httpproxy.FromEnvironment().ProxyFunc(),
		lookPath: exec.LookPath, command: quietly, interfaces: links, verify: verifySystem, clock: clockSynchronised, said: said,
	}
}

func quietly(ctx context.Context, argv ...string) (command.Result, error) {
	return command.Command{Argv: argv, Quiet: true, Grace: time.Second}.Run(ctx)
}

func links() ([]link, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []link
	for _, i := range interfaces {
		l := link{name: i.Name, up: i.Flags&net.FlagUp != 0, loopback: i.Flags&net.FlagLoopback != 0}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it went away just now
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				l.addresses = append(l.addresses, p.Addr().Unmap())
			}
		}
		out = append(out, l)
	}
	return out, nil
}
