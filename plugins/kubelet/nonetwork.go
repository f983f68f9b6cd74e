package kubelet

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/clusterflow/clusterflow/plugins/internal/packetfilter"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type noNetworkConfig struct {
	Interfaces []string `cf:"interfaces" default:"[\"cni0\",\"flannel.*\",\"flannel-v6.*\",\"vxlan.calico\",\"vxlan-v6.calico\",\"wireguard.cali\",\"wg-v6.cali\",\"cilium_*\",\"kube-ipvs0\",\"kube-bridge\",\"kube-dummy-if\",\"nodelocaldns\",\"antrea-gw0\"]" doc:"Names of network interfaces, with * for any text."`
	Chains     []string `cf:"chains" default:"[\"KUBE-\",\"CNI-\"]" doc:"How the names of chains of iptables begin. The rules that lead to them go as well."`
	Tables     []string `cf:"tables" default:"[\"kube-proxy\",\"cni_hostport\",\"cni_plugins_masquerade\"]" doc:"Names of tables of nftables."`
	StateDirs  []string `cf:"state_dirs" default:"[\"/var/lib/cni\",\"/run/flannel\"]" doc:"Directories in which network plugins keep which addresses are taken. Networks that other programs have configured, such as podman, stay."`
	ConfigDir  string   `cf:"config_dir" default:"\"/etc/cni/net.d\"" doc:"Directory of the network plugins' configuration."`
	Config     bool     `cf:"config" doc:"Whether the files in config_dir go as well. They are not Kubernetes' own: whoever installed the network plugin put them there."`
}

func noNetworkType() sdk.Type {
	return resource.Phase[noNetworkConfig, struct{}]{
		Name: "no_network",
		Doc: "What kube-proxy, the kubelet and network plugins left in the kernel and below /var/lib is gone: network interfaces, chains and tables of the packet filter, " +
			"addresses that were given to pods. All other rules and interfaces stay, also a bridge that something else is attached to. Nothing can be undone.",
		Example:  "phase \"kubelet.no_network\" \"network\" {\n  chains = [\"KUBE-\", \"CNI-\", \"FLANNEL-\"]\n}",
		Validate: validateNoNetwork,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.state_dirs, config.config_dir", Write: true},
			{Kind: sdk.AccessExec, What: "iptables-save, iptables-restore, nft"},
			{Kind: sdk.AccessNet, What: "config.interfaces", Write: true},
		},
		Build: func(ctx context.Context, in resource.Input[noNetworkConfig]) (resource.Work[struct{}], error) {
			things, err := networkOf(ctx, in.Config)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

func validateNoNetwork(c noNetworkConfig) error {
	for _, pattern := range c.Interfaces {
		if _, err := filepath.Match(pattern, ""); err != nil || pattern == "" || pattern == "*" {
			return attrError("interfaces", "%q is no name of an interface, nor one with *", pattern)
		}
	}
	if slices.Contains(c.Chains, "") {
		return attrError("chains", "an empty prefix would remove the rules of everybody")
	}
	for name, paths := range map[string][]string{"state_dirs": c.StateDirs, "config_dir": {c.ConfigDir}} {
		for _, path := range paths {
			if !filepath.IsAbs(path) || path == "/" {
				return attrError(name, "%q is not an absolute path of a directory", path)
			}
		}
	}
	return nil
}

// networkOf lists what is there: rules first, then the interfaces that they name,
// then files.
func networkOf(ctx context.Context, c noNetworkConfig) ([]sweep.Thing, error) {
	out, err := rulesOf(ctx, c)
	if err != nil {
		return nil, err
	}
	links, err := linksLike(c.Interfaces)
	if err != nil {
		return nil, err
	}
	out = append(out, links...)
	kept, err := otherNetworks(c.ConfigDir)
	if err != nil {
		return nil, err
	}
	for _, dir := range c.StateDirs {
		files, err := leases(dir, kept)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	if c.Config {
		files, err := filepath.Glob(filepath.Join(c.ConfigDir, "*"))
		if err != nil {
			return nil, err
		}
		for _, path := range files {
			out = append(out, gone(path))
		}
	}
	return out, nil
}

func rulesOf(ctx context.Context, c noNetworkConfig) ([]sweep.Thing, error) {
	if !packetfilter.Installed() {
		if exists("/sys/module/nf_tables") || exists("/sys/module/ip_tables") {
			resource.Warn(ctx, "neither iptables nor nft is installed, so the rules of Kubernetes were not looked for",
				"If kube-proxy ran here, its rules are gone after a restart of the host.")
		}
		return nil, nil
	}
	if text, err := os.ReadFile("/proc/net/ip_vs"); err == nil && virtualServices(text) > 0 {
		resource.Warn(ctx, "IPVS has virtual services, which were left: nothing tells which of them are Kubernetes'",
			"See them with ipvsadm -L -n. If all are kube-proxy's: ipvsadm --clear.")
	}
	found, err := packetfilter.Find(ctx, packetfilter.Owner{Chains: c.Chains, Tables: c.Tables})
	if err != nil {
		return nil, err
	}
	out := make([]sweep.Thing, 0, len(found))
	for _, rules := range found {
		out = append(out, sweep.Thing{Kind: "rules", Target: rules.Where, Reason: rules.What, Remove: rules.Remove})
	}
	return out, nil
}
