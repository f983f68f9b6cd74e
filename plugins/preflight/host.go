package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func hostType(said *memory) sdk.Type {
	return resource.Phase[hostConfig, struct{}]{
		Name: "host",
		Doc: "Checks that a host is fit for its role, by kubeadm's names and some more; docs/preflight.md lists them. " +
			"All checks run at once and each says its result; all problems are listed together. " +
			"They pass once: they are made again when an input changes, or when another program takes a port that was free. " +
			"What the cluster itself has made since they passed is not held against the host.",
		Example: `phase "preflight.host" "host" {
  role               = "init"
  kubernetes_version = "v1.36.3"
  api_server         = "10.0.0.10"
  pod_subnets        = ["10.244.0.0/16"]
  ignore             = ["NumCPU"]
}`,
		Kinds: []resource.Kind{{Name: kindChecks}},
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "/proc, /boot, /lib/modules"},
			{Kind: sdk.AccessPath, What: "/sys/fs/cgroup", Write: true}, // a directory is made and removed to see what the kernel can
			{Kind: sdk.AccessPath, What: "config.kubernetes_dir, config.etcd_data_dir, config.directory, config.cri_socket"},
			{Kind: sdk.AccessExec, What: "config.binaries --version, kubelet, systemctl, modprobe, firewall-cmd, ufw, nft, docker"},
			{Kind: sdk.AccessNet, What: "tcp listen on config.ports, config.etcd_endpoints, DNS"},
		},
		Validate: validateHost,
		Build: func(_ context.Context, in resource.Input[hostConfig]) (resource.Work[struct{}], error) {
			chosen, ignored, err := choose(in.Config, newMachine(in.WorkDir, said).checks(in.Config))
			if err != nil {
				return resource.Work[struct{}]{}, err
			}
			f, err := newFitness(in.Config, survey{checks: chosen, ignored: ignored}, in.Record, in.Unchanged)
			return resource.Work[struct{}]{Resources: []resource.Resource{f}}, err
		},
	}.Type()
}

func validateHost(c hostConfig) error {
	for _, name := range c.Binaries {
		if name == "" {
			return attrError("binaries", errors.New("one of them is empty"))
		}
	}
	if (c.EtcdCert == "") != (c.EtcdKey == "") {
		return attrError("etcd_cert", errors.New("etcd_cert and etcd_key come together"))
	}
	if c.MinimumCPU < 0 || c.MinimumMemoryMB < 0 || c.MinimumDiskMB < 0 {
		return errors.New("minimum_cpu, minimum_memory_mb and minimum_disk_mb cannot be negative")
	}
	if err := errors.Join(
		checkPorts(c), checkVersionAttr(c.KubernetesVersion), checkSocket(c.CRISocket), checkEndpoints(c.EtcdEndpoints),
		checkRanges("pod_subnets", c.PodSubnets), checkRanges("service_subnets", c.ServiceSubnets),
	); err != nil {
		return err
	}
	_, _, err := choose(c, machine{}.checks(c))
	return err
}

func checkPorts(c hostConfig) error {
	for attr, ports := range map[string][]int{"ports": c.Ports, "api_port": {c.APIPort}} {
		for _, port := range ports {
			if port < 1 || port > 65535 {
				return attrError(attr, fmt.Errorf("%d is not a port", port))
			}
		}
	}
	if c.PortAddress != "" {
		if _, err := netip.ParseAddr(c.PortAddress); err != nil {
			return attrError("port_address", fmt.Errorf("%q is not an IP address", c.PortAddress))
		}
	}
	return nil
}

func checkRanges(attr string, cidrs []string) error {
	for _, cidr := range cidrs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			return attrError(attr, fmt.Errorf(`%q is not an address range such as "10.244.0.0/16"`, cidr))
		}
	}
	return nil
}

func checkEndpoints(endpoints []string) error {
	for _, e := range endpoints {
		if u, err := url.Parse(e); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return attrError("etcd_endpoints", fmt.Errorf(`%q is not a URL such as "https://10.0.0.20:2379"`, e))
		}
	}
	return nil
}
