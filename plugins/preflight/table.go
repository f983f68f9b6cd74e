package preflight

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// machine is the host as the checks see it; tests make their own.
type machine struct {
	workDir  string
	proc     string // where procfs is
	uid      int
	cpus     int
	hostname func() (string, error)
	lookup   func(ctx context.Context, host string) ([]string, error)
	proxy    func(*url.URL) (*url.URL, error)
}

func newMachine(workDir string) machine {
	return machine{
		workDir: workDir, proc: "/proc", uid: os.Geteuid(), cpus: runtime.NumCPU(),
		hostname: os.Hostname, lookup: net.DefaultResolver.LookupHost,
		proxy: httpproxy.FromEnvironment().ProxyFunc(),
	}
}

// checks lists every check that exists for c, each with the roles that ask it by
// themselves: kubeadm's table. It reads nothing.
func (m machine) checks(c hostConfig) []check {
	control := []string{roleInit, roleJoinCP}
	hosts := []string{roleInit, roleJoin, roleJoinCP}
	all := []string{roleInit, roleJoin, roleJoinCP, roleEmbedded}
	anyControl := []string{roleInit, roleJoinCP, roleEmbedded}
	v4, v6 := c.families()
	list := []check{
		{"IsPrivilegedUser", hosts, m.privileged},
		{"NumCPU", anyControl, func(context.Context) verdict { return m.numCPU(c.MinimumCPU) }},
		{"Mem", anyControl, func(context.Context) verdict { return m.memory(c.MinimumMemoryMB) }},
		{"Swap", hosts, m.swap},
		{"Hostname", hosts, func(ctx context.Context) verdict { return m.nodeName(ctx, c.NodeName) }},
		{"HTTPProxy", when(c.APIServer != "", hosts), func(context.Context) verdict { return m.proxyTo(c.APIServer) }},
		{"HTTPProxyCIDR", control, func(context.Context) verdict { return m.proxyToRanges(c.subnets()) }},
		{named("FileContent", forwardingV4), when(v4, hosts), func(context.Context) verdict { return m.forwarding(forwardingV4) }},
		{named("FileContent", forwardingV6), when(v6, hosts), func(context.Context) verdict { return m.forwarding(forwardingV6) }},
	}
	for _, port := range c.ports() {
		list = append(list, check{
			fmt.Sprintf("Port-%d", port), all,
			func(ctx context.Context) verdict { return m.port(ctx, c.PortAddress, port) },
		})
	}
	for _, name := range c.binaries() {
		list = append(list, check{named("FileExisting", name), all, func(ctx context.Context) verdict { return m.program(ctx, name) }})
	}
	for _, file := range c.leftovers() {
		list = append(list, check{named("FileAvailable", file.path), file.roles, func(context.Context) verdict { return m.fileAbsent(file.path) }})
	}
	if dir := c.EtcdDataDir; dir != "" {
		list = append(list, check{named("DirAvailable", dir), control, func(context.Context) verdict { return m.dirEmpty(dir) }})
	}
	if dir := c.Directory; dir != "" {
		list = append(list,
			check{named("DirWritable", dir), all, func(context.Context) verdict { return m.dirWritable(dir) }},
			check{named("DiskSpace", dir), all, func(context.Context) verdict { return m.diskSpace(dir, c.MinimumDiskMB) }})
	}
	return slices.CompactFunc(list, func(a, b check) bool { return a.name == b.name })
}

// named is kubeadm's name of a check on a path or a program.
func named(check, path string) string { return check + "-" + strings.ReplaceAll(path, "/", "-") }

// when leaves a check to those who ask for it by name unless it applies.
func when(applies bool, roles []string) []string {
	if !applies {
		return nil
	}
	return roles
}
