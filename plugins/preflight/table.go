package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// checks lists every check that exists for c, each with the roles that ask it by
// themselves: kubeadm's table and more. It reads nothing.
func (m machine) checks(c hostConfig) []check {
	list := slices.Concat(m.hostChecks(c), m.kubernetesChecks(c), m.networkChecks(c), m.programChecks(c), m.vacancies(c))
	if dir := c.Directory; dir != "" {
		list = append(list,
			check{name: named("DirWritable", dir), roles: everyone(), run: func(context.Context) verdict { return m.dirWritable(dir) }},
			check{name: named("DiskSpace", dir), roles: everyone(), run: func(context.Context) verdict { return m.diskSpace(dir, c.MinimumDiskMB) }})
	}
	return slices.CompactFunc(list, func(a, b check) bool { return a.name == b.name })
}

// Sets of roles.
func control() []string  { return []string{roleInit, roleJoinCP} }
func hosts() []string    { return []string{roleInit, roleJoin, roleJoinCP} }
func everyone() []string { return []string{roleInit, roleJoin, roleJoinCP, roleEmbedded} }

// still makes a check of one that needs no context.
func still(f func() verdict) func(context.Context) verdict {
	return func(context.Context) verdict { return f() }
}

// hostChecks ask for the machine and its kernel.
func (m machine) hostChecks(c hostConfig) []check {
	v4, v6 := c.families()
	anyControl := append(control(), roleEmbedded)
	return []check{
		{name: "IsPrivilegedUser", roles: hosts(), run: m.privileged, first: true},
		{name: "NumCPU", roles: anyControl, run: still(func() verdict { return m.numCPU(c.MinimumCPU) })},
		{name: "Mem", roles: anyControl, run: still(func() verdict { return m.memory(c.MinimumMemoryMB) })},
		{name: "Swap", roles: hosts(), run: still(func() verdict { return m.swap(c.FailSwapOn) })},
		{name: "ClockSync", roles: hosts(), run: m.timeSync},
		{name: "SystemVerification", roles: hosts(), run: func(ctx context.Context) verdict { return m.systemVerification(ctx, c.FailCgroupV1) }},
		{name: named("FileContent", forwardingV4), roles: when(v4, hosts()), run: still(func() verdict { return m.forwarding(forwardingV4) })},
		{name: named("FileContent", forwardingV6), roles: when(v6, hosts()), run: still(func() verdict { return m.forwarding(forwardingV6) })},
		{name: named("FileContent", bridgeV4), roles: when(v4, hosts()), run: still(func() verdict { return m.bridged(bridgeV4) })},
		{name: named("FileContent", bridgeV6), roles: when(v6, hosts()), run: still(func() verdict { return m.bridged(bridgeV6) })},
		{name: "RequiredIPVSKernelModulesAvailable", roles: when(c.ProxyMode == "ipvs", hosts()), run: m.ipvs},
	}
}

// kubernetesChecks ask for the kubelet, the container runtime and an etcd elsewhere.
func (m machine) kubernetesChecks(c hostConfig) []check {
	external := len(c.EtcdEndpoints) > 0
	socket := func(f func(context.Context, string) verdict) func(context.Context) verdict {
		return func(ctx context.Context) verdict { return f(ctx, c.CRISocket) }
	}
	return []check{
		{name: "KubernetesVersion", roles: when(c.KubernetesVersion != "", control()), run: still(func() verdict { return checkKubernetesVersion(c.KubernetesVersion) })},
		{name: "KubeletVersion", roles: hosts(), run: func(ctx context.Context) verdict { return m.checkKubelet(ctx, c.KubernetesVersion) }},
		{name: "Service-kubelet", roles: hosts(), run: func(ctx context.Context) verdict { return m.serviceReady(ctx, "kubelet", false) }},
		{name: "CRI", roles: hosts(), run: socket(m.runtimeReady)},
		{name: "ContainerRuntimeVersion", roles: hosts(), run: socket(m.runtimeVersion)},
		{name: "CgroupDriver", roles: hosts(), run: func(ctx context.Context) verdict { return m.cgroupDriver(ctx, c.CRISocket, c.CgroupDriver) }},
		{name: "SandboxImage", roles: hosts(), run: func(ctx context.Context) verdict { return m.sandboxImage(ctx, c.CRISocket, c.PauseImage) }},
		{name: "Service-docker", roles: hosts(), run: socket(m.dockerService)},
		{name: "Docker", roles: hosts(), run: socket(m.docker)},
		{name: "ExternalEtcdVersion", roles: when(external, []string{roleInit}), run: func(ctx context.Context) verdict { return m.etcdVersion(ctx, c) }},
		{name: "ExternalEtcdClientCertificates", roles: when(external, control()), run: still(func() verdict { return m.etcdCertificates(c) })},
	}
}

// networkChecks ask for names, proxies and firewalls.
func (m machine) networkChecks(c hostConfig) []check {
	ports := func(f func(context.Context, []int) verdict) func(context.Context) verdict {
		return func(ctx context.Context) verdict { return f(ctx, c.openPorts()) }
	}
	return []check{
		{name: "Hostname", roles: hosts(), run: func(ctx context.Context) verdict { return m.nodeName(ctx, c.NodeName) }},
		{name: "HTTPProxy", roles: when(c.APIServer != "", hosts()), run: still(func() verdict { return m.proxyTo(c.APIServer) })},
		{name: "HTTPProxyCIDR", roles: control(), run: still(func() verdict { return m.proxyToRanges(c.subnets()) })},
		{name: "Firewalld", roles: hosts(), run: ports(m.firewalld)},
		{name: "Ufw", roles: hosts(), run: ports(m.ufw)},
		{name: "Nftables", roles: hosts(), run: ports(m.nftables)},
	}
}

// programChecks look for programs that must be there, and for those that some need.
func (m machine) programChecks(c hostConfig) []check {
	var list []check
	for _, name := range c.binaries() {
		list = append(list, check{name: named("FileExisting", name), roles: everyone(), run: func(ctx context.Context) verdict { return m.program(ctx, name) }})
	}
	for _, useful := range []struct{ name, who string }{
		{"conntrack", "kube-proxy before 1.32 needs it, and so does who looks for a lost packet"},
		{"ebtables", "Some network plugins need it"},
		{"ethtool", "Some network plugins need it"},
		{"ip", "Some network plugins need it, and so does who looks after the network of pods"},
		{"iptables", "Network plugins, and the ports of pods on a host, need it"},
		{"socat", "kubectl port-forward needs it with CRI-O and with Docker"},
		{"tc", "Limits to the bandwidth of pods need it"},
	} {
		if slices.Contains(c.binaries(), useful.name) {
			continue
		}
		list = append(list, check{name: named("FileExisting", useful.name), roles: hosts(), run: still(func() verdict { return m.usefulProgram(useful.name, useful.who) })})
	}
	return list
}

// vacancies look for places that the cluster will take.
func (m machine) vacancies(c hostConfig) []check {
	var list []check
	add := func(name string, roles []string, run func(context.Context) verdict) {
		list = append(list, check{name: name, roles: roles, run: run, vacancy: true})
	}
	for _, port := range c.ports() {
		add(fmt.Sprintf("Port-%d", port), everyone(), func(ctx context.Context) verdict { return m.port(ctx, c.PortAddress, port, c.Ports != nil) })
	}
	for _, file := range c.leftovers() {
		add(named("FileAvailable", file.path), file.roles, still(func() verdict { return m.fileAbsent(file.path) }))
	}
	if c.localEtcd() {
		add(named("DirAvailable", c.EtcdDataDir), control(), still(func() verdict { return m.dirEmpty(c.EtcdDataDir) }))
	}
	return list
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
