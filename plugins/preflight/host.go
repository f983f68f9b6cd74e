package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type hostConfig struct {
	Role   string   `cf:"role" default:"\"init\"" enum:"init join join-control-plane embedded" doc:"What the host is to become: the first control-plane host, a worker, one more control-plane host, or a control plane of plain processes that needs no root."`
	Checks []string `cf:"checks" doc:"Names of the checks to make, whatever the role. Default: all of the role."`
	Ignore []string `cf:"ignore" doc:"Names of checks whose errors are warnings, in upper or lower case, or \"all\"."`

	Ports       []int  `cf:"ports" doc:"TCP ports that must be free. Default: those of the role; none for embedded."`
	PortAddress string `cf:"port_address" doc:"IP address on which they must be free. Default: all."`

	Binaries []string `cf:"binaries" doc:"Programs that must be there: names, which are searched in PATH, or paths. Default: losetup, mount and cp; none for embedded."`

	MinimumCPU      int `cf:"minimum_cpu" default:"2" doc:"CPUs needed."`
	MinimumMemoryMB int `cf:"minimum_memory_mb" default:"1700" doc:"Memory needed, in MiB."`

	Directory     string `cf:"directory" doc:"Directory that must be writable, or be possible to make, and have room."`
	MinimumDiskMB int    `cf:"minimum_disk_mb" default:"1024" doc:"Free space needed in directory, in MiB."`

	KubernetesDir string `cf:"kubernetes_dir" default:"\"/etc/kubernetes\"" doc:"Directory in which files of an earlier cluster are looked for."`
	EtcdDataDir   string `cf:"etcd_data_dir" default:"\"/var/lib/etcd\"" doc:"Data directory of the local etcd, which must be empty. Set \"\" when etcd is elsewhere."`

	NodeName       string   `cf:"node_name" doc:"Name of the node. Default: the host name in lower case."`
	APIServer      string   `cf:"api_server" doc:"host or host:port of the API server: of this host for init, of the cluster for join."`
	PodSubnets     []string `cf:"pod_subnets" doc:"Address ranges of pods, such as \"10.244.0.0/16\"."`
	ServiceSubnets []string `cf:"service_subnets" doc:"Address ranges of services."`
}

func hostType() sdk.Type {
	return resource.Phase[hostConfig, struct{}]{
		Name: "host",
		Doc: "Checks that a host is fit for its role. All checks run at once and each says its result; all problems are listed together. " +
			"Passes once: it is checked again when an input changes. " +
			"Checks: IsPrivilegedUser, NumCPU, Mem, Swap, Hostname, Port-<n>, FileExisting-<program>, FileAvailable-<path>, DirAvailable-<path>, " +
			"FileContent--proc-sys-net-ipv4-ip_forward, FileContent--proc-sys-net-ipv6-conf-default-forwarding, HTTPProxy, HTTPProxyCIDR, " +
			"and, where kubeadm has none, DirWritable-<path> and DiskSpace-<path>. In names, every / of a path is a -.",
		Example: `phase "preflight.host" "host" {
  role        = "init"
  api_server  = "10.0.0.10"
  pod_subnets = ["10.244.0.0/16"]
  ignore      = ["Swap"]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "/proc"},
			{Kind: sdk.AccessPath, What: "config.kubernetes_dir, config.etcd_data_dir, config.directory"},
			{Kind: sdk.AccessExec, What: "config.binaries --version"},
			{Kind: sdk.AccessNet, What: "tcp listen on config.ports, DNS"},
		},
		Validate: validateHost,
		Build: func(_ context.Context, in resource.Input[hostConfig]) (resource.Work[struct{}], error) {
			chosen, ignored, err := choose(in.Config, newMachine(in.WorkDir).checks(in.Config))
			if err != nil {
				return resource.Work[struct{}]{}, err
			}
			return resource.Work[struct{}]{Resources: []resource.Resource{&resource.Once{
				Name: "checks", Done: in.Unchanged,
				Reason: fmt.Sprintf("%d checks for role %s", len(chosen), in.Config.Role),
				Run:    func(ctx context.Context) error { return runAll(ctx, chosen, ignored) },
			}}}, nil
		},
	}.Type()
}

func validateHost(c hostConfig) error {
	for _, port := range c.Ports {
		if port < 1 || port > 65535 {
			return attrError("ports", fmt.Errorf("%d is not a port", port))
		}
	}
	if c.PortAddress != "" {
		if _, err := netip.ParseAddr(c.PortAddress); err != nil {
			return attrError("port_address", fmt.Errorf("%q is not an IP address", c.PortAddress))
		}
	}
	for _, name := range c.Binaries {
		if name == "" {
			return attrError("binaries", errors.New("one of them is empty"))
		}
	}
	if err := errors.Join(checkRanges("pod_subnets", c.PodSubnets), checkRanges("service_subnets", c.ServiceSubnets)); err != nil {
		return err
	}
	if c.MinimumCPU < 0 || c.MinimumMemoryMB < 0 || c.MinimumDiskMB < 0 {
		return errors.New("minimum_cpu, minimum_memory_mb and minimum_disk_mb cannot be negative")
	}
	_, _, err := choose(c, machine{}.checks(c))
	return err
}

func checkRanges(attr string, cidrs []string) error {
	for _, cidr := range cidrs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			return attrError(attr, fmt.Errorf(`%q is not an address range such as "10.244.0.0/16"`, cidr))
		}
	}
	return nil
}
