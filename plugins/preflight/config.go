package preflight

import (
	"net"
	"net/netip"
	"path"
	"slices"
)

type hostConfig struct {
	Role              string `cf:"role" default:"\"init\"" enum:"init join join-control-plane embedded" doc:"What the host is to become: the first control-plane host, a worker, one more control-plane host, or a control plane of plain processes that needs no root."`
	KubernetesVersion string `cf:"kubernetes_version" doc:"Version of the control plane, such as v1.36.3. Default: not compared with."`

	Checks []string `cf:"checks" doc:"Names of the checks to make, whatever the role. Default: all of the role."`
	Ignore []string `cf:"ignore" doc:"Names of checks whose errors are warnings, in upper or lower case, or \"all\"."`

	APIPort     int    `cf:"api_port" default:"6443" doc:"Port of the API server of this host."`
	Ports       []int  `cf:"ports" doc:"TCP ports that must be free. Default: those of the role; none for embedded."`
	PortAddress string `cf:"port_address" doc:"IP address on which they must be free. Default: all."`

	Binaries []string `cf:"binaries" doc:"Programs that must be there: names, which are searched in PATH, or paths. Default: cp, losetup and mount; none for embedded."`

	CRISocket    string `cf:"cri_socket" doc:"Socket of the container runtime. Default: the only one that is found of containerd's, CRI-O's and cri-dockerd's."`
	PauseImage   string `cf:"pause_image" doc:"Image with which the container runtime should start pods, such as \"registry.k8s.io/pause:3.10.2\"."`
	CgroupDriver string `cf:"cgroup_driver" enum:"systemd cgroupfs" doc:"The kubelet's, as its configuration will say. Default: not compared with the runtime's."`
	FailSwapOn   bool   `cf:"fail_swap_on" default:"true" doc:"Whether the kubelet will refuse to run with swap, as its configuration will say."`
	FailCgroupV1 bool   `cf:"fail_cgroup_v1" default:"true" doc:"Whether the kubelet will refuse to run on cgroup v1, as its configuration will say."`
	ProxyMode    string `cf:"kube_proxy_mode" default:"\"iptables\"" enum:"iptables ipvs nftables" doc:"Mode of kube-proxy."`

	MinimumCPU      int `cf:"minimum_cpu" default:"2" doc:"CPUs needed."`
	MinimumMemoryMB int `cf:"minimum_memory_mb" default:"1700" doc:"Memory needed, in MiB."`

	Directory     string `cf:"directory" doc:"Directory that must be writable, or be possible to make, and have room."`
	MinimumDiskMB int    `cf:"minimum_disk_mb" default:"1024" doc:"Free space needed in directory, in MiB."`

	KubernetesDir string `cf:"kubernetes_dir" default:"\"/etc/kubernetes\"" doc:"Directory in which files of an earlier cluster are looked for."`
	EtcdDataDir   string `cf:"etcd_data_dir" default:"\"/var/lib/etcd\"" doc:"Data directory of the local etcd, which must be empty. Set \"\" when etcd is elsewhere."`

	EtcdEndpoints []string `cf:"etcd_endpoints" doc:"Client URLs of an etcd that runs elsewhere, such as \"https://10.0.0.20:2379\". Then there is no local one."`
	EtcdCA        string   `cf:"etcd_ca" doc:"File with the authority of that etcd."`
	EtcdCert      string   `cf:"etcd_cert" doc:"File with the certificate with which the API server connects to it."`
	EtcdKey       string   `cf:"etcd_key" doc:"File with its private key."`

	NodeName       string   `cf:"node_name" doc:"Name of the node. Default: the host name in lower case."`
	APIServer      string   `cf:"api_server" doc:"host or host:port of the API server: of this host for init, of the cluster for join."`
	PodSubnets     []string `cf:"pod_subnets" doc:"Address ranges of pods, such as \"10.244.0.0/16\"."`
	ServiceSubnets []string `cf:"service_subnets" doc:"Address ranges of services."`
}

// The roles of a host.
const (
	roleInit     = "init"
	roleJoin     = "join"
	roleJoinCP   = "join-control-plane"
	roleEmbedded = "embedded"
)

// Ports that must be free besides that of the API server, by kubeadm's list. It
// leaves out 2381, etcd's metrics.
const (
	portEtcdClient = 2379
	portEtcdPeer   = 2380
	portKubelet    = 10250
	portManager    = 10257
	portScheduler  = 10259
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
		list = []int{c.APIPort, portScheduler, portManager, portKubelet}
		if c.localEtcd() {
			list = append(list, portEtcdClient, portEtcdPeer)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// localEtcd reports whether an etcd is to run on this host.
func (c hostConfig) localEtcd() bool { return c.EtcdDataDir != "" && len(c.EtcdEndpoints) == 0 }

// openPorts are those of the ports that other hosts connect to.
func (c hostConfig) openPorts() []int {
	return slices.DeleteFunc(c.ports(), func(port int) bool { return port == portManager || port == portScheduler })
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
