package preflight

import (
	"net"
	"net/netip"
	"path"
	"slices"
)

// The roles of a host.
const (
	roleInit     = "init"
	roleJoin     = "join"
	roleJoinCP   = "join-control-plane"
	roleEmbedded = "embedded"
)

// Ports that must be free, by kubeadm's list. It leaves out 2381, etcd's metrics.
const (
	portAPIServer  = 6443
	portEtcdClient = 2379
	portEtcdPeer   = 2380
	portKubelet    = 10250
	portManager    = 10257
	portScheduler  = 10259
)

const (
	forwardingV4 = "/proc/sys/net/ipv4/ip_forward"
	forwardingV6 = "/proc/sys/net/ipv6/conf/default/forwarding"
)

// ports are those to check, each once: the user's or those of the role.
func (c hostConfig) ports() []int {
	list := c.Ports
	switch {
	case list != nil:
		list = slices.Clone(list)
	case c.Role == roleJoin:
		list = []int{portKubelet}
	case c.Role == roleEmbedded:
	default:
		list = []int{portAPIServer, portScheduler, portManager, portKubelet}
		if c.EtcdDataDir != "" {
			list = append(list, portEtcdClient, portEtcdPeer)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// binaries are the programs to look for, each once: the user's or those that a
// kubelet needs.
func (c hostConfig) binaries() []string {
	list := c.Binaries
	switch {
	case list != nil:
		list = slices.Clone(list)
	case c.Role != roleEmbedded:
		list = []string{"losetup", "mount", "cp"}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// leftover is a file of an earlier cluster that would be in the way.
type leftover struct {
	path  string
	roles []string
}

func (c hostConfig) leftovers() []leftover {
	var list []leftover
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"} {
		list = append(list, leftover{path.Join(c.KubernetesDir, "manifests", name+".yaml"), []string{roleInit, roleJoinCP}})
	}
	for _, name := range []string{"kubelet.conf", "bootstrap-kubelet.conf"} {
		list = append(list, leftover{path.Join(c.KubernetesDir, name), []string{roleJoin, roleJoinCP}})
	}
	return append(list, leftover{path.Join(c.KubernetesDir, "pki", "ca.crt"), []string{roleJoin}})
}

func (c hostConfig) subnets() []string { return slices.Concat(c.ServiceSubnets, c.PodSubnets) }

// families says which IP families the cluster uses, as far as the config tells;
// IPv4 when it tells nothing.
func (c hostConfig) families() (v4, v6 bool) {
	see := func(a netip.Addr) {
		v4 = v4 || a.Is4()
		v6 = v6 || a.Is6()
	}
	for _, cidr := range c.subnets() {
		if p, err := netip.ParsePrefix(cidr); err == nil {
			see(p.Addr())
		}
	}
	host, _, err := net.SplitHostPort(c.APIServer)
	if err != nil {
		host = c.APIServer
	}
	if a, err := netip.ParseAddr(host); err == nil {
		see(a)
	}
	if !v4 && !v6 {
		return true, false
	}
	return v4, v6
}
